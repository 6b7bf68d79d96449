"""Anatomy in, residual merges whose sides round differently for some input sizes out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reslint.anatomy import Anatomy, Kind
from reslint.anatomy.views.size_formulas import TRIED, side_sizes
from reslint.finding import Confidence, Severity
from reslint.rules._support.terms import clash
from reslint.rules._support.words import called, dimension, side_evidence, side_lines
from reslint.rules.rule import Draft, Settings, rule


@rule("shortcut-dynamic-mismatch", "shortcut", Severity.WARNING, Confidence.PROVEN)
def shortcut_dynamic_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The sides have different sizes for some extents of a symbolic dimension."""
    for block in anatomy.blocks:
        shape = block.net.shape(block.fork)
        if (
            shape is None
            or all(isinstance(d, int) for d in shape)
            or block.kind is Kind.DENSE
            or clash(block) is not None  # that is shortcut-shape-mismatch's
        ):
            continue
        for axis, extent in enumerate(shape):
            sizes = side_sizes(block, axis) if not isinstance(extent, int) else None
            if sizes is None or np.array_equal(*sizes):
                continue
            short, branch = sizes
            differ = (short != branch) & (short > 0) & (branch > 0)  # an empty map is no size that anybody runs
            if not differ.any():
                continue
            alone = np.minimum(short, branch) == 1
            fails, spreads = TRIED[differ & ~alone], TRIED[differ & alone]
            first = int(fails[0]) if fails.size else None
            silent = int(spreads[0]) if spreads.size else None
            name = dimension(extent, axis)
            at = int(fails[0] if fails.size else spreads[0]) - 1
            fails_at = f"first fails at {name} = {first}" if first else ""
            spreads_at = f"broadcasts silently at {name} = {silent}" if silent else ""
            told = " and ".join(filter(None, (fails_at, spreads_at)))
            yield Draft(
                block.merge,
                block.net,
                f"the sides{called(block.merge)} part with the size of {name}: at {at + 1} the shortcut has {short[at]}, "
                f"the branch {branch[at]}; the sum {told}",
                "give both sides the same stride, padding and rounding (ceil_mode on a pooling, the stride on a projection)",
                {
                    **side_evidence(block),
                    "dimension": name,
                    "axis": axis,
                    "fails_at": first,
                    "broadcasts_at": silent,
                },
                side_lines(block),
            )
            break
