"""Which ops have to stay in float32."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy import Anatomy
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Kept:
    """The ops to keep in float32 so that the outputs have a wanted signal-to-noise ratio in a narrower type, all in dB.

    `before` is the ratio with none of them kept (minus infinity where numbers are lost), `after` with these. `applied` is what
    the converted model has, None where it could not be tried. `overflowing` are those that give or read what the type can't
    hold. `whole` are types of which all ops are kept, `nameless` those of which ops have no name of their own, so that a
    list of names can't mean them: all of that type are kept. `blocked` are types that the converter keeps anyway.
    """

    anatomy: Anatomy
    type: str
    wanted: float
    before: float
    after: float
    applied: float | None
    ops: tuple[Op, ...]
    overflowing: tuple[Op, ...]
    whole: tuple[str, ...] = ()
    nameless: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    of: int = 0
    tried: int = 0
    cut_short: bool = False
