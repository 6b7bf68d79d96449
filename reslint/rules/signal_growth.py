"""A stack whose variance grows geometrically from block to block."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.rules._support.depth_trend import Trend, trends
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_WARNING, _NOTE = 1.9, 1.5  # without normalization 1.9 to 2.0 a block at initialization


@rule("signal-growth", "numerics", Severity.WARNING, Confidence.PROVEN)
def signal_growth(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """The variance of the stream grows geometrically with depth."""
    for trend in trends(signal, _NOTE):
        severe = trend.rate >= _WARNING and not signal.made_up
        yield _draft(trend, Severity.WARNING if severe else Severity.NOTE)


def _draft(trend: Trend, severity: Severity) -> Draft:
    first, last = trend.taps[0], trend.taps[-1]
    most = trend.steepest.block.merge
    return Draft(
        first.block.merge,
        first.block.net,
        f"the mean square of the stream grows by a factor of {trend.rate:.2f} per block over {len(trend.taps)} blocks, "
        f"from {first.merged.square:.3g} to {last.merged.square:.3g}",
        "normalize each branch, or scale it by 1/sqrt(depth)",
        {
            "growth": trend.rate,
            "first": first.merged.square,
            "last": last.merged.square,
            "merges": len(trend.taps),
            "steepest": most.id,
            "step": trend.step,
        },
        lines=(("steepest", f"block {most.id}{called(most)}: {trend.step:.2f} times"),),
        related=tuple(tap.block.merge for tap in trend.taps[1:]),
        severity=severity,
    )
