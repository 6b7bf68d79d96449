"""A run and its reference in, outputs that differ out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import SAVED, Referred
from reslint.rules._support.disagreement import apart
from reslint.rules.rule import Draft, Settings, rule

_SEVERE = 10  # times the tolerance


@rule("reference-mismatch", "numerics", Severity.ERROR, Confidence.PROVEN)
def reference_mismatch(agreement: Referred, settings: Settings) -> Iterator[Draft]:
    """Outputs differ from the reference beyond tolerance."""
    yield from apart(
        agreement,
        f"differs from {agreement.against}",
        "compare with the model that made the reference (--against FILE): that names the block where the two diverge"
        if agreement.against == SAVED
        else "compare the block where the two diverge",
        severe=_SEVERE,
    )
