"""Seconds of runs in, percentiles with their intervals and the ratio to a reference out."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence

import numpy as np

from reslint.anatomy import Anatomy
from reslint.measure import Latency, Ratio, Share
from reslint.runtime.timing.ratio import ratio

ROUNDS = 400  # p50 within 5, p90 within 3, p99 within 1 percentile points, at 95 percent
PERCENTILES = (50, 90, 95, 99)
_SURE = 1.96  # standard deviations that hold 95 percent


def latency(
    anatomy: Anatomy,
    provider: str,
    threads: int,
    seconds: Sequence[Sequence[Sequence[float]]],
    against: str = "",
    most: float = math.inf,
    shares: tuple[Share, ...] = (),
) -> Latency:
    """The percentiles of a model's own runs; with a reference's, the ratio of the two."""
    own = np.concatenate(seconds[0]) * 1000
    p50, p90, p95, p99 = (float(p) for p in np.percentile(own, PERCENTILES))
    slower = Ratio(against, *ratio(seconds[0], seconds[1]), most) if len(seconds) > 1 else None
    return Latency(
        anatomy, provider, threads, len(own), p50, p90, p95, p99, slower, dict(_intervals(np.sort(own))), shares
    )


def _intervals(ordered: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Between which runs each percentile lies, at 95 percent; above the last one where there were too few."""
    for percent in PERCENTILES:
        share, runs = percent / 100, len(ordered)
        off = _SURE * math.sqrt(runs * share * (1 - share))
        low, high = math.floor(runs * share - off), math.ceil(runs * share + off)
        yield (
            f"p{percent}",
            (float(ordered[max(0, low - 1)]), float(ordered[high - 1]) if high <= runs else math.inf),
        )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
