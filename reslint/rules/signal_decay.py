"""A stack whose variance shrinks geometrically from block to block."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.rules._support.depth_trend import Trend, trends
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_WARNING, _NOTE = 1.9, 1.5  # as for growth; an identity shortcut alone keeps the stream as it is


@rule("signal-decay", "numerics", Severity.WARNING, Confidence.PROVEN)
def signal_decay(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """The stream shrinks geometrically with depth."""
    for trend in trends(signal, _NOTE, shrinking=True):
        severe = trend.rate >= _WARNING and not signal.made_up
        yield _draft(trend, Severity.WARNING if severe else Severity.NOTE)


def _draft(trend: Trend, severity: Severity) -> Draft:
    first, last = trend.taps[0], trend.taps[-1]
    most = trend.steepest.block.merge
    return Draft(
        first.block.merge,
        first.block.net,
        f"the mean square of the stream shrinks by a factor of {trend.rate:.2f} per block over {len(trend.taps)} blocks, "
        f"from {first.merged.square:.3g} to {last.merged.square:.3g}",
        "leave the shortcut unscaled: a factor on it compounds with depth",
        {
            "decay": trend.rate,
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
