"""How much each residual block of a trained model is worth: what its outputs are without it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block

IDLE = 0.01
"""Heuristic: a block without which the outputs move by less than this part of their size is hardly there."""


@dataclass(frozen=True, slots=True)
class Ablated:
    """One block, ablated: its branch taken away, its shortcut left.

    `moved`: how far the outputs go then, over their own size. `influence`: 1 - the cosine between what goes into the block
    and what comes out (ShortGPT, Men et al. 2024, arXiv:2403.03853). `ratio`: its branch's size over its stream's.
    `agreement`: the linear CKA of the streams before and behind it (Kornblith et al. 2019, arXiv:1905.00414). None where a
    number can't be had.
    """

    block: Block
    moved: float | None
    influence: float | None = None
    ratio: float | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Ablation:
    """Each block of a model ablated alone, from first to last; `left` could not be. `made_up` says that weights are."""

    anatomy: Anatomy
    ablated: tuple[Ablated, ...]
    left: int = 0
    made_up: bool = False

    @property
    def effective(self) -> float:
        """The effective depth: the number of equal blocks that would be as diverse (Hill 1973, order 1).

        The exponential of the entropy of what the blocks move: as many as there are where all move as much, one where one
        alone moves the outputs. NaN where none does.
        """
        moved = [a.moved for a in self.ablated if a.moved is not None and math.isfinite(a.moved) and a.moved > 0]
        shares = [m / sum(moved) for m in moved]
        return math.exp(-sum(share * math.log(share) for share in shares)) if shares else math.nan

    @property
    def idle(self) -> tuple[int, ...]:
        """The numbers, from 1, of the blocks that hardly move the outputs."""
        return tuple(at for at, a in enumerate(self.ablated, 1) if a.moved is not None and a.moved < IDLE)

    @property
    def says(self) -> str:
        """The same in a line."""
        depth = (
            f"{len(self.ablated)} blocks, effective depth about {self.effective:.0f}" if self.ablated else "no blocks"
        )
        if not self.idle:
            return depth
        spans = " and ".join(_spans(self.idle))
        said = f"block {spans} changes" if len(self.idle) == 1 else f"blocks {spans} change"
        return f"{depth}; {said} the outputs by less than 1 % each"


def _spans(numbers: tuple[int, ...]) -> Iterator[str]:
    """`3`, `16 to 21`."""
    first = last = numbers[0]
    for number in (*numbers[1:], None):
        if number == last + 1:
            last = number
            continue
        yield f"{first}" if first == last else f"{first} to {last}"
        if number is not None:
            first = last = number
