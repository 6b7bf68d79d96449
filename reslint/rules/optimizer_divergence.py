"""A run with graph optimizations and one without in, outputs that differ out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Optimized
from reslint.rules._support.disagreement import apart
from reslint.rules.rule import Draft, Settings, rule


@rule("optimizer-divergence", "numerics", Severity.WARNING, Confidence.PROVEN)
def optimizer_divergence(agreement: Optimized, settings: Settings) -> Iterator[Draft]:
    """Graph optimizations change the result beyond tolerance."""
    yield from apart(
        agreement,
        "changes with ONNX Runtime's graph optimizations",
        "run it with optimizations off, find the fusion that causes this, and report it to ONNX Runtime",
    )
