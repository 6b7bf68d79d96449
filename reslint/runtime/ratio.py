"""The seconds of two models, run in turns, in; how much slower the first one is, with an interval, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_DRAWS = 1000
_BLOCKS = 20  # of rounds: one run is like the next ones, and drawing runs one by one would take them for independent


def ratio(own: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """The median over all rounds of the ratio within a round, and its 95 percent interval by a circular block bootstrap.

    What slows down both runs of a round is no difference between them (Politis and Romano 1992 on the blocks).
    """
    logs = np.log(np.array(own) / np.array(other))
    length = max(1, -(-len(logs) // _BLOCKS))
    random = np.random.default_rng(0)
    offsets = np.arange(length)
    medians = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        starts = random.integers(0, len(logs), -(-len(logs) // length))
        medians[draw] = np.median(logs[((starts[:, None] + offsets) % len(logs)).reshape(-1)[: len(logs)]])
    low, high = (float(q) for q in np.exp(np.percentile(medians, (2.5, 97.5))))
    return float(np.exp(np.median(logs))), low, high
