"""How much the outputs of a model feel of each of its streams."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block


@dataclass(frozen=True, slots=True)
class Felt:
    """How much a small random change of a block's stream moves the outputs; None where that is no number.

    `gain`: a change of one percent of the stream moves the outputs by so many percent. `gradient`: the norm of the outputs'
    derivative by the stream, over that of the last block. The same with all shortcuts cut; and how far the outputs go, over
    their own size, where this block's alone is cut.
    """

    block: Block
    gain: float | None
    gradient: float | None
    cut_gain: float | None = None
    cut_gradient: float | None = None
    alone: float | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the outputs felt of each stream, by finite differences; `untouched` blocks could not be reached."""

    anatomy: Anatomy
    felt: tuple[Felt, ...]
    directions: int
    seed: int
    ablated: bool = False
    untouched: int = 0
