"""Anatomy in, residual merges whose sides can't be added out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called, shown, side_evidence, side_lines


@rule("shortcut-shape-mismatch", "shortcut", Severity.ERROR, Confidence.PROVEN)
def shortcut_shape_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The two sides of a residual merge can't be added."""
    for block in anatomy.blocks:
        short, branch = block.shapes
        if short == branch or block.kind is Kind.DENSE or short is None or branch is None:
            continue
        axes = [
            len(short) - back
            for back in range(1, min(len(short), len(branch)) + 1)
            if isinstance(a := short[-back], int) and isinstance(b := branch[-back], int) and a != b and 1 not in (a, b)
        ]
        if axes:
            axis = min(axes)
            yield Draft(
                block.merge,
                block.net,
                f"the branch{called(block.merge)} gives {shown(branch)}, which can't be added to the shortcut {shown(short)}",
                f"make both sides agree on axis {axis}: a projection on the shortcut, or another stride or width in the branch",
                {**side_evidence(block), "axes": sorted(axes)},
                side_lines(block),
            )
