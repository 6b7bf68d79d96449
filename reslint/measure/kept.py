"""Which ops have to stay in float32."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy import Anatomy
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Kept:
    """The ops to keep in float32 so that the outputs have a wanted signal-to-noise ratio in a narrower type."""

    anatomy: Anatomy
    """The model."""
    type: str
    """The narrower type: `float16` or `bfloat16`."""
    wanted: float
    """The ratio that is wanted, in dB."""
    before: float
    """The ratio with none of them kept, in dB; minus infinity where finite numbers are none any more."""
    after: float
    """The ratio with these kept, in dB, from rounding each op."""
    applied: float | None
    """The ratio of the converted model, in dB; None where it could not be run."""
    ops: tuple[Op, ...]
    """The ops to keep."""
    overflowing: tuple[Op, ...]
    """Those of them that give or read what the type can't hold."""
    whole: tuple[str, ...] = ()
    """The types of which all ops are kept."""
    nameless: tuple[str, ...] = ()
    """The types of which some ops have no name of their own, so that a list can't mean them: all of that type are kept."""
    blocked: tuple[str, ...] = ()
    """The types that ONNX Runtime's converter keeps anyway."""
    of: int = 0
    """How many ops could be rounded."""
    tried: int = 0
    """How many sets were tried."""
    cut_short: bool = False
    """Whether the time was over before the search was."""
