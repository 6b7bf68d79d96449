"""Anatomy in, residual merges whose sides have the same size for some inputs only out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.anatomy.sizes import mismatches
from reslint.finding import Confidence, Severity
from reslint.rules._support.fitting import by_cause, told
from reslint.rules.rule import Draft, Settings, rule


@rule("shortcut-dynamic-mismatch", "shortcut", Severity.WARNING, Confidence.PROVEN)
def shortcut_dynamic_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The sides differ in size for some values of a symbolic dimension."""
    if anatomy.trial is None:
        return
    merges = {b.merge.id: b for b in anatomy.blocks if b.kind is not Kind.DENSE}
    found = [m for m in mismatches(anatomy.trial) if m.failure.op.id in merges]
    for cause in by_cause(found):
        sides = merges[cause[0].failure.op.id].sides
        yield told(
            cause,
            "give both sides the same stride, padding and rounding (ceil_mode on a pooling, the stride on a projection), "
            "or resize the branch to the shortcut's size"
            if cause[0].tied is None
            else "take both sides from the same input, or cut the longer one",
            ("shortcut", "branch"),
            sides,
        )
