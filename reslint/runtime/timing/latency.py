"""Seconds of runs in, percentiles with their intervals and the ratio to a reference out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from reslint.anatomy import Anatomy
from reslint.measure import Latency, Ratio, Share, Start
from reslint.runtime.timing.ratio import ratio

ROUNDS = 400
PERCENTILES = (50, 90, 95, 99)
_MIDDLE = 50
_FEW = 6  # groups; below, even all of them hold the median less often than 95 times in 100
_SURE = 1.96  # standard deviations that hold 95 percent
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def latency(
    anatomy: Anatomy,
    provider: str,
    threads: int,
    seconds: Sequence[Sequence[Sequence[float]]],
    against: str = "",
    most: float = math.inf,
    shares: tuple[Share, ...] = (),
    where: Mapping[str, str] | None = None,
    start: Start | None = None,
) -> Latency:
    """The percentiles of a model's own runs; with a reference's, the ratio of the two."""
    own = np.concatenate(seconds[0]) * 1000
    p50, p90, p95, p99 = (float(p) for p in np.percentile(own, PERCENTILES))
    slower = Ratio(against, *ratio(seconds[0], seconds[1]), most) if len(seconds) > 1 else None
    between = dict(_intervals([np.array(group) * 1000 for group in seconds[0]], (p50, p90, p95, p99)))
    return Latency(
        anatomy, provider, threads, len(own), p50, p90, p95, p99, slower, between, shares, where or {}, start
    )


def _intervals(groups: Sequence[Floats], whole: Sequence[float]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Between which values each percentile lies, at 95 percent, from the percentiles of groups with sessions of their own.

    Runs of one session are no independent witnesses: what a session costs more than another one it costs in each run. Of ten
    groups the second least and the second largest hold their median 98 times in 100, whatever the distribution (order
    statistics; David and Nagaraja 2003, section 7.1). What makes a tail, a slow spell of the machine, meets few groups: there
    the largest counts.
    """
    for percent, pooled in zip(PERCENTILES, whole, strict=True):
        found = sorted(float(np.percentile(group, percent)) for group in groups)
        if len(found) < _FEW:
            yield f"p{percent}", (0.0, math.inf)
            continue
        spare = len(found) // 10
        low, high = found[spare], found[-1 - spare] if percent == _MIDDLE else found[-1]
        if min(map(len, groups)) * (1 - percent / 100) < 1:  # a group's percentile is its largest run, or less
            high = max(high, _highest(np.sort(np.concatenate(groups)), percent / 100))
        yield f"p{percent}", (min(low, pooled), max(high, pooled))


def _highest(ordered: Floats, share: float) -> float:
    """The run below which a percentile lies, at 95 percent, were all runs independent; infinite where there are too few."""
    at = math.ceil(len(ordered) * share + _SURE * math.sqrt(len(ordered) * share * (1 - share)))
    return float(ordered[at - 1]) if at <= len(ordered) else math.inf


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
