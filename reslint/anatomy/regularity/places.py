"""Where each segment stands: in its row, in its run of one size, and what stands before and behind it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reslint.anatomy.values import Size

ROW, RUN = "row", "run"
"""What stands in place of a neighbour at the end of a row, and at the end of a run within one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A segment's row and run by number, its index in the row and its length, and what those before and behind are like."""

    row: int
    run: int
    at: int
    of: int
    before: object
    behind: object

    @property
    def is_first(self) -> bool:
        """Whether it begins its row."""
        return self.before is ROW

    @property
    def is_last(self) -> bool:
        """Whether it ends its row."""
        return self.behind is ROW


def places(rows: Sequence[tuple[int, ...]], likes: Sequence[object], sizes: Sequence[Size | None]) -> tuple[Place, ...]:
    """The place of each segment; `likes` are equal for segments that are alike."""
    found: dict[int, Place] = {}
    begun = 0
    for which, row in enumerate(rows):
        at = 0
        for run in runs(row, sizes):
            for k, number in enumerate(run):
                before = likes[run[k - 1]] if k else (RUN if at else ROW)
                last = at == len(row) - 1
                behind = ROW if last else likes[run[k + 1]] if k + 1 < len(run) else RUN
                found[number] = Place(which, begun, at, len(row), before, behind)
                at += 1
            begun += 1
    return tuple(found[number] for number in range(len(likes)))


@dataclass(slots=True)
class Siblings:
    """Segments of one shape: how many begin or end a row or run, and where they lie in each row."""

    members: list[int] = field(default_factory=list)
    before: Counter[object] = field(default_factory=Counter)
    behind: Counter[object] = field(default_factory=Counter)
    runs: Counter[int] = field(default_factory=Counter)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, number: int, place: Place) -> None:
        """Take one more, in the order of the graph."""
        self.members.append(number)
        self.before[place.before] += 1
        self.behind[place.behind] += 1
        self.runs[place.run] += 1
        first, last = self.spans.get(place.row, (place.at, place.at))
        self.spans[place.row] = min(first, place.at), max(last, place.at)

    def around(self, place: Place) -> tuple[bool, bool]:
        """Whether one stands before a place in its row, and one behind it."""
        first, last = self.spans.get(place.row, (place.at, place.at))
        return first < place.at, last > place.at

    def nearest(self, number: int) -> int:
        """The one that stands nearest to a segment."""
        at = bisect_left(self.members, number)
        return min(self.members[max(0, at - 1) : at + 1], key=lambda n: abs(n - number))


def grouped(shapes: Sequence[int], places: Sequence[Place]) -> dict[int, Siblings]:
    """The segments by shape."""
    found: dict[int, Siblings] = {}
    for number, (shape, place) in enumerate(zip(shapes, places, strict=True)):
        found.setdefault(shape, Siblings()).add(number, place)
    return found


def runs(row: Sequence[int], sizes: Sequence[Size | None]) -> Iterator[tuple[int, ...]]:
    """A row in runs of one size of the stream."""
    start = 0
    for here in range(1, len(row) + 1):
        if here == len(row) or not _same(sizes[row[here]], sizes[row[start]]):
            yield tuple(row[start:here])
            start = here


def _same(one: Size | None, other: Size | None) -> bool:
    """Whether two sizes may be one: inference invents a symbol for each extent that it does not know."""
    return one is None or other is None or one[0] == other[0] and len(one[1]) == len(other[1])
