"""Anatomy in, residual merges whose sides can't be added out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules._support.terms import clash
from reslint.rules._support.words import called, shown, term_evidence, term_lines
from reslint.rules.rule import Draft, Settings, rule


@rule("shortcut-shape-mismatch", "shortcut", Severity.ERROR, Confidence.PROVEN)
def shortcut_shape_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The two sides of a residual merge can't be added."""
    for block in anatomy.blocks:
        found = clash(block)
        if found is None:
            continue
        one, other, axes = found
        yield Draft(
            block.merge,
            block.net,
            f"{other.said}{called(block.merge)} gives {shown(other.shape)}, "
            f"which can't be added to {one.said} {shown(one.shape)}",
            f"make {'both sides' if other.name in block.sides else 'all inputs'} agree on axis {axes[0]}: "
            "a projection on the shortcut, or another stride or width in the branch",
            {**term_evidence(block, other), "axes": list(axes)},
            term_lines(block, other),
        )
