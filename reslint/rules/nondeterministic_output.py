"""Two runs on one input in, outputs that differ out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Repeated
from reslint.rules._support.disagreement import apart
from reslint.rules.rule import Draft, Settings, rule


@rule("nondeterministic-output", "numerics", Severity.WARNING, Confidence.PROVEN)
def nondeterministic_output(agreement: Repeated, settings: Settings) -> Iterator[Draft]:
    """The same input gives different outputs."""
    yield from apart(
        agreement, "differs when the same input is run again", "remove the random op, or export in inference mode"
    )
