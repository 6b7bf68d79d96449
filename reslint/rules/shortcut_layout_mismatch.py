"""Anatomy in, residual merges that add one axis to another out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.anatomy.views.axis_tracking import swapped
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, shown, side_evidence, side_lines
from reslint.rules.rule import Draft, Settings, rule


@rule("shortcut-layout-mismatch", "shortcut", Severity.WARNING, Confidence.LIKELY)
def shortcut_layout_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Both sides have the same shape, but the axes of one were permuted on the way."""
    for block in anatomy.blocks:
        found = swapped(block) if block.kind is not Kind.DENSE else None
        if found is None:
            continue
        i, j = found
        shape = shown(block.shapes[0])
        yield Draft(
            block.merge,
            block.net,
            f"the sides{called(block.merge)} have the same shape {shape}, but one has axes {i} and {j} of the other swapped",
            f"undo the permutation of axes {i} and {j} before the sum",
            {**side_evidence(block), "axes": [i, j]},
            side_lines(block),
        )
