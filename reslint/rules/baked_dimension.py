"""Net in, a finding out where a constant fixes a dimension that an input declares as symbolic."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.views.fixed_batch import baked
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import shown
from reslint.rules.rule import Draft, Settings, rule


@rule("baked-dimension", "file", Severity.WARNING, Confidence.PROVEN)
def baked_dimension(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A dimension is declared symbolic, but a constant inside the graph fixes it."""
    found = baked(anatomy.net)
    if found is not None:
        yield Draft(
            found.op,
            anatomy.net,
            f"axis {found.axis} of the input {found.input} is declared as {found.symbol}, but {found.constant} "
            f"{shown(found.value)} in the {found.op.type} {found.op.id} fixes it: the model works at {found.size}, and "
            f"fails at {found.size + 1} in the {found.parts.type} {found.parts.id}",
            "take the size from the input (x.shape[0], or -1 in its place), or declare it as the number that it is",
            {
                "input": found.input,
                "axis": found.axis,
                "symbol": found.symbol,
                "constant": found.constant,
                "value": list(found.value),
                "works_at": found.size,
                "fails_at": found.size + 1,
                "fails_in": found.parts.id,
            },
            related=(found.parts,) if found.parts is not found.op else (),
        )
