"""How a module would begin to train: what it makes of the scale of its weights, of rates, and how curved its loss is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy
from reslint.measure.gradients import Spread, geometric

LEARNED = 0.5
"""Heuristic: a rate learns where so much of the first loss is left, or less, at the end of a short run."""

CONVERGED = 0.1
"""Heuristic: a short run has converged where so much of the first loss is left."""

SENSITIVE = 10.0
"""Heuristic: powers of two by which the first gradient may change when all weights double, a factor of a thousand."""

NARROW = 1
"""Heuristic: at so many of the rates that were tried a module may train, half a decade apart, and still be narrow."""

UNDECIDED = "undecided"
"""The verdict where seeds part."""


@dataclass(frozen=True, slots=True)
class Response:
    """What all weights times a factor do, each seed a row with a number for each factor.

    `gradients` are the norms of the gradient of the first weight, `outputs` the root mean square of the outputs.
    """

    gradients: tuple[tuple[float, ...], ...]
    outputs: tuple[tuple[float, ...], ...]

    @property
    def of_gradient(self) -> Spread:
        """The power of two by which the first gradient changes when the weights double, over the seeds."""
        return _doublings(self.gradients)

    @property
    def of_outputs(self) -> Spread:
        """The same of the outputs."""
        return _doublings(self.outputs)


@dataclass(frozen=True, slots=True)
class Initialization:
    """What the scale of all weights does to the first gradient and the outputs, with the shortcuts and with all cut."""

    anatomy: Anatomy
    factors: tuple[float, ...]
    kept: Response
    cut: Response | None

    @property
    def verdict(self) -> str:
        """`sensitive` or `robust` where that holds for each seed, else undecided."""
        powers = self.kept.of_gradient
        least, most = sorted((abs(powers.least), abs(powers.most)))
        if least > SENSITIVE and powers.least * powers.most > 0:
            return "sensitive"
        return "robust" if most <= SENSITIVE else UNDECIDED


@dataclass(frozen=True, slots=True)
class Curvature:
    """The largest eigenvalue of the Gauss-Newton matrix at the start for each seed, with the shortcuts and with all cut.

    Plain gradient descent at a rate above 2 over it leaves the neighbourhood of its start (Cohen et al. 2021).
    """

    anatomy: Anatomy
    kept: tuple[float, ...]
    cut: tuple[float, ...] | None

    @property
    def verdict(self) -> str:
        """What the shortcuts make of the loss where that holds for each seed: `flatter` or `sharper`, else undecided."""
        pairs = tuple(zip(self.kept, self.cut or (), strict=False))
        if not pairs:
            return "plain" if self.cut is None else UNDECIDED
        return "flatter" if all(k < c for k, c in pairs) else "sharper" if all(k > c for k, c in pairs) else UNDECIDED

    @property
    def rate(self) -> float:
        """The largest stable rate of plain gradient descent."""
        return stable(self.kept)

    @property
    def cut_rate(self) -> float:
        """The same with all shortcuts cut; NaN where there are none."""
        return stable(self.cut) if self.cut else math.nan


@dataclass(frozen=True, slots=True)
class Course:
    """One short run: its rate and seed, the loss at each step, and the loss that it is held against."""

    rate: float
    seed: int
    losses: tuple[float, ...]
    reference: float

    @property
    def left(self) -> float:
        """The part of the reference that is left, as the middle of the last losses; infinite where one is no number."""
        last = sorted(self.losses[-3:])
        if not all(map(math.isfinite, last)):
            return math.inf
        middle = self.losses[-1] if self.converged is not None else last[len(last) // 2]
        return middle / self.reference if self.reference else math.inf

    @property
    def learned(self) -> bool:
        """Whether the run learned."""
        return self.left <= LEARNED

    @property
    def converged(self) -> int | None:
        """The first step at which the run had converged."""
        return next((at for at, loss in enumerate(self.losses) if loss <= CONVERGED * self.reference), None)


@dataclass(frozen=True, slots=True)
class Rates:
    """Short runs of one optimizer, at several rates and for several seeds."""

    optimizer: str
    courses: tuple[Course, ...]

    @property
    def tried(self) -> tuple[float, ...]:
        """The rates, from low to high."""
        return tuple(sorted({course.rate for course in self.courses}))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(sorted({course.seed for course in self.courses}))

    @property
    def learned(self) -> tuple[float, ...]:
        """The rates at which all seeds learned."""
        return tuple(rate for rate in self.tried if all(c.learned for c in self.courses if c.rate == rate))

    @property
    def sometimes(self) -> tuple[float, ...]:
        """The rates at which some seeds learned, and others did not."""
        any_ = {course.rate for course in self.courses if course.learned}
        return tuple(rate for rate in self.tried if rate in any_ and rate not in self.learned)

    def width(self, seed: int) -> int:
        """At how many rates a seed learned."""
        return sum(course.learned for course in self.courses if course.seed == seed)

    @property
    def fastest(self) -> tuple[float, int] | None:
        """The rate at which all seeds converge soonest, and the step at which the last of them has."""
        found = [(rate, self._converged(rate)) for rate in self.tried]
        return min(((r, step) for r, step in found if step is not None), key=lambda f: (f[1], -f[0]), default=None)

    def _converged(self, rate: float) -> int | None:
        steps = [course.converged for course in self.courses if course.rate == rate]
        return None if None in steps else max((s for s in steps if s is not None), default=None)


@dataclass(frozen=True, slots=True)
class LearningRate:
    """At which rates short runs learn, for each optimizer, with the shortcuts and with all cut.

    `steps` is the longest run; `left_out` are the seeds and rates that there was no time for, in words.
    """

    anatomy: Anatomy
    kept: tuple[Rates, ...]
    cut: tuple[Rates, ...]
    steps: int
    loss: str
    left_out: str = ""

    @property
    def widest(self) -> Rates:
        """The optimizer that learns at most rates; the first of those where several do."""
        return max(self.kept, key=lambda rates: len(rates.learned))

    def without(self, rates: Rates) -> Rates | None:
        """The same optimizer with all shortcuts cut."""
        return next((cut for cut in self.cut if cut.optimizer == rates.optimizer), None)

    @property
    def verdict(self) -> str:
        """`trains`, `narrow` or `does not train`; undecided where only some seeds train at any rate."""
        best = self.widest
        if len(best.learned) > NARROW:
            return "trains"
        if best.learned:
            return "narrow"
        return UNDECIDED if any(rates.sometimes for rates in self.kept) else "does not train"

    @property
    def wider(self) -> str:
        """What cutting the shortcuts does to the range: `narrower`, `wider`, `as wide`, or undecided where seeds part."""
        without = self.without(self.widest)
        return _direction(self.widest, without) if without is not None else ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not measured, and why."""

    anatomy: Anatomy
    name: str
    why: str


def stable(eigenvalues: Sequence[float]) -> float:
    """The largest stable rate of plain gradient descent for all of these curvatures."""
    largest = max(eigenvalues, default=math.nan)
    return 2 / largest if largest > 0 else math.inf if largest == 0 else math.nan


def spread(numbers: Iterable[float]) -> Spread:
    """The arithmetic mean, the smallest and the largest; NaN where one is."""
    found = tuple(numbers)
    if not found or any(map(math.isnan, found)):
        return Spread(math.nan, math.nan, math.nan)
    return Spread(sum(found) / len(found), min(found), max(found))


def over(numbers: Sequence[float]) -> Spread:
    """The geometric mean, the smallest and the largest."""
    return Spread(geometric(numbers), min(numbers, default=math.nan), max(numbers, default=math.nan))


def _doublings(rows: Iterable[tuple[float, ...]]) -> Spread:
    """The powers of two for each doubling of the weights: from half to twice there are two."""
    return spread(_log2(row[-1]) / 2 - _log2(row[0]) / 2 for row in rows)


def _log2(number: float) -> float:
    return math.log2(number) if number > 0 and math.isfinite(number) else math.nan


def _direction(kept: Rates, cut: Rates) -> str:
    """Holds only where it does for each seed."""
    ways = {_sign(cut.width(seed) - kept.width(seed)) for seed in {*kept.seeds} & {*cut.seeds}}
    return {-1: "narrower", 0: "as wide", 1: "wider"}[ways.pop()] if len(ways) == 1 else UNDECIDED


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
