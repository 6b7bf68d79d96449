"""Numbers in, charts out: all places are percentages, so that a page draws them at any width with letters of one size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

_MANY = 60  # bars that still have gaps between them
_WIDEST = 9.0  # a few bars are no walls


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    says: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `says` is told when it is pointed at."""

    x: float
    y: float
    wide: float
    high: float
    says: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Values that belong together, drawn as one line in each of its unbroken parts; places alone, however many."""

    name: str
    kind: str
    parts: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A line across, at a value that means something."""

    y: float
    says: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart, what it shows in a sentence, and the same numbers as a table."""

    title: str
    says: str
    across: str
    up: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    across_ticks: tuple[Tick, ...] = ()
    up_ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One row of a strip: values on a line of their own, how far they spread, and a mark to hold them against."""

    name: str
    dots: tuple[float, ...]
    says: str
    kind: str = ""
    spread: tuple[float, float] | None = None
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """A chart whose values go across, a row for each thing that was measured."""

    title: str
    says: str
    across: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ticks: tuple[Tick, ...]
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values lie on an axis from 0 to 100 percent."""

    low: float
    high: float
    log: bool = False
    step: float = 1.0

    def at(self, value: float) -> float:
        """The place of a value; what lies outside of the axis stands at its end."""
        low, high, here = (self._flat(v) for v in (self.low, self.high, max(value, self.low)))
        return round(min(100.0, 100 * (here - low) / (high - low)), 3) if high > low else 50.0

    def _flat(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks_across(self, says: Callable[[float], str]) -> Iterator[Tick]:
        """The marks of an axis that goes to the right."""
        return (Tick(self.at(value), says(value)) for value in self.ticks)

    @property
    def ticks(self) -> tuple[float, ...]:
        """A few round values on the axis."""
        if self.log:
            return tuple(_decades(self.low, self.high))
        return tuple(self.low + self.step * n for n in range(round((self.high - self.low) / self.step) + 1))


def linear(values: Iterable[float], least: float = 0.0) -> Scale:
    """An axis from zero that holds the values, in steps of `least` or more."""
    highest = max((v for v in values if math.isfinite(v)), default=0.0)
    step = _step(max(highest / 4, least)) if highest > 0 else 1.0
    return Scale(0.0, max(math.ceil(highest / step - 1e-9), 1) * step, step=step)


def logarithmic(values: Iterable[float]) -> Scale:
    """An axis of whole powers of ten that holds all values above zero."""
    known = [v for v in values if math.isfinite(v) and v > 0] or [1.0]
    low, high = math.floor(math.log10(min(known)) + 1e-9), math.ceil(math.log10(max(known)) - 1e-9)
    return Scale(10.0**low, 10.0 ** max(high, low + 1), log=True)


def _step(rough: float) -> float:
    """The next of 1, 2, 5, 10, 20... upwards."""
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * by for by in (1, 2, 5, 10) if size * by >= rough * (1 - 1e-9))


def _decades(low: float, high: float) -> Iterable[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    if last - first < 2:
        return (by * 10.0**n for n in range(first, last + 1) for by in (1, 2, 5) if by * 10.0**n <= high * 1.01)
    return (10.0**n for n in range(first, last + 1, max(1, math.ceil((last - first) / 5))))


def up_ticks(scale: Scale, says: Callable[[float], str]) -> tuple[Tick, ...]:
    """The marks of the axis that goes up; places count from the top, as the page does."""
    return tuple(Tick(round(100 - scale.at(value), 3), says(value)) for value in scale.ticks)


def places(first: int, number: int) -> tuple[Tick, ...]:
    """Marks in the middle of some of `number` columns that are counted from `first` on."""
    step = max(1, int(_step(max(number / 6, 1))))
    shown = [n for n in range(first, first + number) if n % step == 0 or number <= step]
    return tuple(Tick(middle(n - first, number), str(n)) for n in shown or [first])


def middle(column: int, number: int) -> float:
    """The middle of a column of `number` ones."""
    return round(100 * (column + 0.5) / number, 3)


def columns(values: Sequence[float], scale: Scale, says: Sequence[str], kinds: Sequence[str] = ()) -> tuple[Bar, ...]:
    """A bar for each value, side by side."""
    each = 100 / max(len(values), 1)
    wide = min(each * (0.72 if len(values) <= _MANY else 1.0), _WIDEST)
    tops = [scale.at(value) for value in values]
    kinds = kinds or [""] * len(values)
    return tuple(
        Bar(round(each * n + (each - wide) / 2, 3), round(100 - top, 3), round(wide, 3), top, says[n], kinds[n])
        for n, top in enumerate(tops)
    )


def curve(name: str, kind: str, values: Sequence[float | None], scale: Scale) -> Line:
    """A line through the middles of the columns; where a value is missing, not finite or off a logarithmic axis it breaks."""
    parts: list[list[str]] = [[]]
    for n, value in enumerate(values):
        if value is None or not math.isfinite(value) or scale.log and value <= 0:
            parts.append([])
        else:
            parts[-1].append(f"{middle(n, len(values)):g},{100 - scale.at(value):g}")
    return Line(name, kind, tuple(Markup(" ".join(part)) for part in parts if part))


def growth(values: Sequence[float]) -> float | None:
    """By how much values grow from each to the next, as a geometric mean; None where they have no beginning or no end."""
    known = [v for v in values if math.isfinite(v) and v > 0]
    steps = [math.log(b / a) for a, b in pairwise(known)]
    return math.exp(sum(steps) / len(steps)) if steps else None
