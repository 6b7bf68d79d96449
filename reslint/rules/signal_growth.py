"""A measured signal in, stacks whose variance grows geometrically out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from reslint.finding import Confidence, Severity
from reslint.measure import Signal, Tap
from reslint.rules.rule import Draft, Settings, rule

_MERGES = 6
_WARNING, _NOTE = (
    1.9,
    1.5,
)  # without normalization 1.9 to 2.0 a block at initialization; one merge reaches 2.7 in trained nets


@rule("signal-growth", "numerics", Severity.WARNING, Confidence.PROVEN)
def signal_growth(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """The variance of the stream grows geometrically with depth."""
    for _, group in groupby(signal.taps, key=_stream):
        taps = [tap for tap in group if tap.merged.finite and tap.merged.square > 0]
        if len(taps) < _MERGES:
            continue
        growth = lasting(taps)
        if growth >= _NOTE:
            yield _draft(taps, Severity.WARNING if growth >= _WARNING and not signal.made_up else Severity.NOTE, growth)


def _stream(tap: Tap) -> tuple[object, ...]:
    """Merges in a row of one stack and shape."""
    return tap.block.stack, tap.block.net.shape(tap.block.merge.id)


def lasting(taps: Sequence[Tap]) -> float:
    """How many times the mean square grows from block to block, and goes on to: linear growth from little slows down."""
    return min(_growth(taps), _growth(taps[len(taps) // 2 :]))


def _growth(taps: Sequence[Tap]) -> float:
    """How many times the mean square grows from block to block, on the geometric mean."""
    return float((taps[-1].merged.rms / taps[0].merged.rms) ** (2 / (len(taps) - 1)))


def _draft(taps: Sequence[Tap], severity: Severity, growth: float) -> Draft:
    first, last = taps[0], taps[-1]
    return Draft(
        first.block.merge,
        first.block.net,
        f"the mean square of the stream grows {growth:.2f} times a block over {len(taps)} blocks, "
        f"from {first.merged.square:.3g} to {last.merged.square:.3g}",
        "normalize each branch, or scale it by 1/sqrt(depth)",
        {"growth": growth, "first": first.merged.square, "last": last.merged.square, "merges": len(taps)},
        related=tuple(tap.block.merge for tap in taps[1:]),
        severity=severity,
    )
