"""Seconds of runs in, percentiles and the ratio to a reference out."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from reslint.anatomy import Anatomy
from reslint.measure import Latency, Ratio

ROUNDS = 400  # p50 within 5, p90 within 3, p99 within 1 percentile points, at 95 percent
_DRAWS = 2000


def latency(anatomy: Anatomy, provider: str, seconds: Sequence[Sequence[float]], against: str) -> Latency:
    """The percentiles of a model's own runs; with a reference's, the ratio of the two."""
    own = np.array(seconds[0]) * 1000
    p50, p90, p95, p99 = (float(p) for p in np.percentile(own, (50, 90, 95, 99)))
    ratio = _ratio(own, np.array(seconds[1]) * 1000, against) if len(seconds) > 1 else None
    return Latency(anatomy, provider, threads(), len(own), p50, p90, p95, p99, ratio)


def _ratio(
    own: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    other: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    against: str,
) -> Ratio:
    """The ratio of the medians, with a 95 percent interval from resampled rounds."""
    rounds = np.random.default_rng(0).integers(0, len(own), (_DRAWS, len(own)))
    drawn = np.median(own[rounds], axis=1) / np.median(other[rounds], axis=1)
    low, high = (float(q) for q in np.percentile(drawn, (2.5, 97.5)))
    return Ratio(against, float(np.median(own) / np.median(other)), low, high)


def threads() -> int:
    """The threads of a timed session: as many as there are cores for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
