"""Where each segment stands: in its row, in its run of one size, and what stands before and behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reslint.anatomy.values import Size

ROW, RUN = "row", "run"
"""What stands in place of a neighbour at the end of a row, and at the end of a run within one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A segment's row and run, its index in the row, and what the segments before and behind it in its run are like."""

    row: tuple[int, ...]
    run: tuple[int, ...]
    at: int
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
    for row in rows:
        at = 0
        for run in runs(row, sizes):
            for k, number in enumerate(run):
                before = likes[run[k - 1]] if k else (RUN if at else ROW)
                last = at == len(row) - 1
                behind = ROW if last else likes[run[k + 1]] if k + 1 < len(run) else RUN
                found[number] = Place(row, run, at, before, behind)
                at += 1
    return tuple(found[number] for number in range(len(likes)))


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
