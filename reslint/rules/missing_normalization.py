"""Anatomy in, stacks whose signal nothing holds back out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind, Placement
from reslint.anatomy.blocks import scaled_behind
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called

_DEEP, _MANY = 6, 4  # blocks from which growth of 1.9 to 2.0 a block counts, and how many bare ones (heuristics)


@rule("missing-normalization", "norm", Severity.WARNING, Confidence.LIKELY)
def missing_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A stack of residual blocks has no normalization, no scaling and no other known remedy."""
    if any(b.normalization not in (Placement.NONE, Placement.FOLDED) for b in anatomy.blocks):
        return
    blocks = [b for b in anatomy.blocks if b.normalization is Placement.NONE and b.kind is not Kind.DENSE and b.depth]
    if (
        len(anatomy.blocks) < _DEEP
        or len(blocks) < max(_MANY, len(anatomy.blocks) / 3)
        or any(_is_held(b) for b in blocks)
    ):
        return
    first = blocks[0]
    yield Draft(
        first.merge,
        first.net,
        f"none of {len(blocks)} residual blocks normalizes or scales its branch, the first{called(first.merge)}: "
        "at initialization the signal's variance about doubles with each",
        "normalize each branch, or scale it (SkipInit, ReZero, LayerScale); `reslint run` measures the growth",
        {"blocks": len(blocks), "expected_growth": 2.0 ** len(blocks) if len(blocks) < 1000 else None},
        related=tuple(b.merge for b in blocks[1:]),
    )


def _is_held(block: Block) -> bool:
    """Whether something other than a normalization keeps a block's output in bounds."""
    scale = block.scale_branch
    small = scale is not None and (scale.value is None or abs(scale.value) < 1)
    return (
        small
        or block.gated_branch
        or block.kind in (Kind.GATED, Kind.SCALED)
        or scaled_behind(block.net, block.merge.id) < 1
    )
