"""How the mean square of a stream goes with depth: stretches of blocks over which it grows or shrinks geometrically."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from reslint.measure import Signal, Tap

MERGES = 6  # fewer say nothing: a trained net may grow 2.7 times in one of them
_WINDOW = 8  # blocks that are looked at on their own in a deeper stack
_JUMP = 30.0  # times from one block to the next: an outlier that a trained net makes once, and no trend


@dataclass(frozen=True, slots=True)
class Trend:
    """Blocks in a row, how many times the mean square grows at each, and the block at which it does most, with that step."""

    taps: tuple[Tap, ...]
    rate: float
    steepest: Tap
    step: float


def trends(signal: Signal, least: float, *, shrinking: bool = False) -> Iterator[Trend]:
    """Of each stream the longest stretch, else the steepest window, that grows (shrinks) so many times a block at least.

    What lies across a jump is no trend: behind an outlier the stream is large, and goes on as it was.
    """
    for _, group in groupby(signal.taps, key=_stream):
        taps = [tap for tap in group if tap.merged.finite and tap.merged.square > 0]
        found = [
            trend for part in _between_jumps(taps) if (trend := _steepest(part, shrinking)) and trend.rate >= least
        ]
        if found:
            yield max(found, key=lambda trend: (len(trend.taps), trend.rate))


def lasting(taps: Sequence[Tap]) -> float:
    """How many times the mean square grows from block to block, and goes on to: linear growth from little slows down."""
    return min(_growth(taps), _growth(taps[len(taps) // 2 :]))


def _stream(tap: Tap) -> tuple[object, ...]:
    """Merges in a row of one stack and shape."""
    return tap.block.stack, tap.block.net.shape(tap.block.merge.id)


def _between_jumps(taps: Sequence[Tap]) -> Iterator[Sequence[Tap]]:
    start = 0
    for at, (before, after) in enumerate(pairwise(taps), 1):
        step = after.merged.square / before.merged.square
        if not 1 / _JUMP < step < _JUMP:
            yield taps[start:at]
            start = at
    yield taps[start:]


def _steepest(taps: Sequence[Tap], shrinking: bool) -> Trend | None:
    """The whole stretch where it grows as a whole, else the window that grows most."""
    if len(taps) < MERGES:
        return None
    windows = [taps[at : at + _WINDOW] for at in range(len(taps) - _WINDOW + 1)] if len(taps) > _WINDOW else []
    rated = [(rate(part, shrinking=shrinking), part) for part in (taps, *windows)]
    best, part = max(rated, key=lambda pair: pair[0])
    if rated[0][0] > 1 and rated[0][0] ** 2 >= best:
        best, part = rated[0]
    steps = [(rate((a, b), shrinking=shrinking), b) for a, b in pairwise(part)]
    step, steepest = max(steps, key=lambda pair: pair[0])
    return Trend(tuple(part), best, steepest, step)


def rate(taps: Sequence[Tap], *, shrinking: bool) -> float:
    """How many times the mean square grows, or shrinks, from block to block, and goes on to."""
    if shrinking:
        return 1 / max(_growth(taps), _growth(taps[len(taps) // 2 :]), 1e-30) if len(taps) > 2 else 1 / _growth(taps)
    return lasting(taps) if len(taps) > 2 else _growth(taps)


def _growth(taps: Sequence[Tap]) -> float:
    """How many times the mean square grows from block to block, on the geometric mean."""
    return float((taps[-1].merged.rms / taps[0].merged.rms) ** (2 / (len(taps) - 1)))
