"""A run on the provider that was asked for and one on the CPU in, outputs that differ out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Provided
from reslint.rules._support.disagreement import apart
from reslint.rules.rule import Draft, Settings, rule


@rule("provider-divergence", "numerics", Severity.WARNING, Confidence.PROVEN)
def provider_divergence(agreement: Provided, settings: Settings) -> Iterator[Draft]:
    """Two execution providers disagree beyond tolerance."""
    yield from apart(
        agreement,
        "differs between the provider and the CPU",
        "look for a half-overflow finding; if there is none, report this to the provider",
    )
