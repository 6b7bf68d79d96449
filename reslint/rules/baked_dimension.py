"""Anatomy in, a finding out where a constant holds a dimension that an input declares as symbolic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy
from reslint.anatomy.sizes import Culprit, Fixed, culprit, fixed
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import shown
from reslint.rules.rule import Draft, Settings, rule


@rule("baked-dimension", "file", Severity.WARNING, Confidence.PROVEN)
def baked_dimension(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A dimension is declared symbolic, but a constant inside the graph fixes it."""
    trial = anatomy.trial
    if trial is None:
        return
    causes: dict[str, tuple[Culprit, list[Fixed]]] = {}
    for held in fixed(trial):
        found = culprit(trial, held)
        causes.setdefault(found.op.id, (found, []))[1].append(held)
    for found, symbols in causes.values():
        yield _draft(found, symbols)


def _draft(found: Culprit, symbols: Sequence[Fixed]) -> Draft:
    first, fails = symbols[0], symbols[0].failure
    each = [f"axis {s.symbol.axis} of the input {s.symbol.input} is declared as {s.symbol.label}" for s in symbols]
    by = f"{found.constant} {shown(found.value)} in the " if found.constant else "the "
    works = " and ".join(f"at {_sizes(held.works)}" for held in symbols)
    return Draft(
        found.op,
        found.net,
        f"{' and '.join(each)}, but {by}{found.op.type} {found.op.id} fixes it: "
        f"the model works {works}, and fails at {first.fails_at} in the {fails.op.type} {fails.op.id}",
        "take the size from the input (x.shape[0] or -1), or declare the dimension with its fixed size",
        {
            "input": first.symbol.input,
            "axis": first.symbol.axis,
            "symbol": first.symbol.label,
            "constant": found.constant,
            "value": list(found.value),
            "works_at": first.works[-1] if len(first.works) < 3 else list(first.works),
            "fails_at": first.fails_at,
            "fails_in": fails.op.id,
        },
        related=(fails.op,) if fails.op is not found.op else (),
    )


def _sizes(works: Sequence[int]) -> str:
    """The sizes that work: one, two, or a range."""
    return f"{works[0]} to {works[-1]}" if len(works) > 2 else " and ".join(map(str, works))
