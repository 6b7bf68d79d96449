"""How sizes change with a module's depth or width, at its start and in its first steps: a coordinate check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reslint.anatomy import Anatomy
from reslint.measure.gradients import Spread
from reslint.measure.training import UNDECIDED

DRIFT = 0.25
"""Heuristic: the exponent from which on a size drifts; half of that of a sum of independent branches, 1/2."""

_SIZES = ("stream", "stream_moves", "output_moves")  # outputs themselves start as small as one likes


@dataclass(frozen=True, slots=True)
class Sizes:
    """Root mean squares of one module, a number for each seed: of its last stream, its outputs, and how far both moved.

    Those of the stream are NaN where there is none.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("stream", "stream_moves", "outputs", "output_moves")

    stream: tuple[float, ...]
    stream_moves: tuple[float, ...]
    outputs: tuple[float, ...]
    output_moves: tuple[float, ...]

    def of(self, name: str) -> tuple[float, ...]:
        """One of them by its name."""
        sizes = (self.stream, self.stream_moves, self.outputs, self.output_moves)
        return dict(zip(self.NAMES, sizes, strict=True))[name]


@dataclass(frozen=True, slots=True)
class Trend:
    """What a keyword of the factory does to the sizes, with the shortcuts and with all cut.

    `deepens` says that it adds residual blocks or layers; else it widens. `left_out` are values there was no time for.
    """

    keyword: str
    values: tuple[float, ...]
    deepens: bool
    kept: tuple[Sizes, ...]
    cut: tuple[Sizes, ...]
    left_out: tuple[float, ...] = ()

    def exponent(self, name: str, *, cut: bool = False) -> Spread:
        """The power of the keyword with which a size goes, over the seeds; NaN where there is no size."""
        sides = self.cut if cut else self.kept
        rows = zip(*(sizes.of(name) for sizes in sides), strict=True)
        powers = [_slope(self.values, row) for row in rows]
        if not powers or any(map(math.isnan, powers)):
            return Spread(math.nan, math.nan, math.nan)
        return Spread(sum(powers) / len(powers), min(powers), max(powers))

    @property
    def drifting(self) -> tuple[str, ...]:
        """The sizes that drift for each seed the same way."""
        return tuple(name for name, power in self._known() if power.least > DRIFT or power.most < -DRIFT)

    @property
    def verdict(self) -> str:
        """`drifts`, or `holds` where no size drifts for any seed, else undecided."""
        if self.drifting:
            return "drifts"
        steady = all(power.least >= -DRIFT and power.most <= DRIFT for _, power in self._known())
        return "holds" if steady else UNDECIDED

    @property
    def remedy(self) -> float:
        """The exponent that would hold what drifts: of the branches' scale over depth, of the rate over width."""
        names = self.drifting if self.deepens else tuple(n for n in self.drifting if n != "stream") or self.drifting
        return -self.exponent(names[0]).mean if names else 0.0

    def _known(self) -> Iterator[tuple[str, Spread]]:
        for name in _SIZES:
            power = self.exponent(name)
            if power.mean == power.mean:
                yield name, power


@dataclass(frozen=True, slots=True)
class Scaling:
    """The trends of all keywords that were asked for; `steps` at the rate `rate` of Adam were made before sizes moved."""

    anatomy: Anatomy
    trends: tuple[Trend, ...]
    steps: int
    rate: float

    @property
    def verdict(self) -> str:
        """The worst of all trends."""
        words = [trend.verdict for trend in self.trends]
        return next((word for word in ("drifts", UNDECIDED) if word in words), "holds")


def _slope(values: Sequence[float], sizes: Sequence[float]) -> float:
    """The least-squares slope of the logarithms; NaN where a size has none."""
    if not all(size > 0 and math.isfinite(size) for size in sizes):
        return math.nan
    across, up = [math.log(v) for v in values], [math.log(s) for s in sizes]
    middle, height = sum(across) / len(across), sum(up) / len(up)
    spread = sum((a - middle) ** 2 for a in across)
    return sum((a - middle) * (u - height) for a, u in zip(across, up, strict=True)) / spread if spread else math.nan
