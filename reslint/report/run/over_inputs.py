"""Comparisons over many inputs in, how they spread out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.measure import Agreement, Difference, Measurement

_FEW = 3  # inputs; of fewer the worst says all


@dataclass(frozen=True, slots=True)
class Spread:
    """How far one output is from what it was compared with, over all inputs."""

    against: str
    """What it was compared with."""
    output: str
    """The output."""
    inputs: int
    """How many inputs there were."""
    agree: int
    """On how many of them it agrees."""
    relative: Mapping[str, float]
    """Percentiles of the largest difference over the largest reference value."""
    snr: Mapping[str, float]
    """Percentiles of the signal-to-noise ratio, in dB; `p1` is near the worst."""


def spreads(measured: Iterable[Measurement]) -> Iterator[Spread]:
    """One for each output and comparison that was made on several inputs."""
    found: dict[tuple[str, str], list[Difference]] = {}
    for one in measured:
        if isinstance(one, Agreement):
            for d in one.differences:
                found.setdefault((one.against, d.output), []).append(d)
    for (against, output), several in found.items():
        if len(several) >= _FEW:
            far = [d.absolute if d.relative is None else d.relative for d in several]
            noise = [d.snr for d in several if d.snr is not None]
            yield Spread(
                against,
                output,
                len(several),
                sum(d.agrees for d in several),
                _percentiles(far, (50, 90, 99)),
                _percentiles(noise, (1, 10, 50)),
            )


def _percentiles(values: Sequence[float], wanted: Sequence[int]) -> Mapping[str, float]:
    """The least of the values that so many percent are not above."""
    ordered = sorted(values)
    return {f"p{p}": ordered[max(0, math.ceil(len(ordered) * p / 100) - 1)] for p in wanted} if ordered else {}
