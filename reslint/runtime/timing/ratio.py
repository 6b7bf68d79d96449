"""The seconds of two models, run in turns, in; how much slower the first one is, with an interval, out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

GROUPS = 10
_DRAWS = 2000
_FEW = 6  # groups; below, even all of them hold the median less often than 95 times in 100


def ratio(own: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The median ratio within a round, of all groups, and its 95 percent interval.

    What slows down both runs of a round is no difference between them. The bootstrap draws whole groups: runs of one pair of
    sessions are no independent witnesses, since each session keeps the place in memory that it happened to get.
    """
    groups = np.array([np.median(np.log(np.array(a) / np.array(b))) for a, b in zip(own, other, strict=True)])
    middle = math.exp(float(np.median(groups)))
    if len(groups) < _FEW:
        return middle, 0.0, math.inf
    drawn = groups[np.random.default_rng(0).integers(0, len(groups), (_DRAWS, len(groups)))]
    low, high = (math.exp(float(q)) for q in np.percentile(np.median(drawn, axis=1), (2.5, 97.5)))
    return middle, low, high
