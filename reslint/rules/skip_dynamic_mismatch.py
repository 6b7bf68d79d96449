"""Anatomy in, long skips, pyramids and concatenations that fit at some sizes only out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.anatomy.sizes import mismatches
from reslint.finding import Confidence, Severity
from reslint.rules._support.fitting import by_cause, told
from reslint.rules.rule import Draft, Settings, rule


@rule("skip-dynamic-mismatch", "shortcut", Severity.WARNING, Confidence.PROVEN)
def skip_dynamic_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A long skip, pyramid or concatenation fits at some sizes only."""
    if anatomy.trial is None:
        return
    residual = {b.merge.id for b in anatomy.blocks if b.kind is not Kind.DENSE}
    found = [m for m in mismatches(anatomy.trial) if m.failure.op.id not in residual and m.tied is None]
    for cause in by_cause(found):
        yield told(
            cause,
            "resize one side to the other's size (size=skip.shape[2:], a crop, a pad), or pad the input to a multiple",
            ("one", "other"),
            cause[0].failure.names,
        )
