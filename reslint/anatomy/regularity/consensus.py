"""Which block of a regular stack differs from what its siblings agree on, as far as shapes and slots tell.

Two ways to be odd. A block whose shape no other block has stands where, by the period of its run, its siblings' shape would
be. Or a block has its siblings' shape, but in one slot a value of its own where all others agree: a slot in which siblings
differ among themselves (dilations that grow, windows that alternate, widths of a searched network) says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reslint.anatomy.regularity.canonical import Description, Slot
from reslint.anatomy.values import Size

_VOTES = 2  # siblings that must agree
_MANY = 5  # siblings that outweigh that a first or last layer may differ on purpose, or that a width is a choice
_LONGEST = 16  # blocks of a period at most


@dataclass(frozen=True, slots=True)
class Odd:
    """A segment that differs, those that agree, and, where the shapes are one, the slots that differ: theirs and its own."""

    number: int
    siblings: tuple[int, ...]
    slots: tuple[tuple[Slot, Slot], ...] = ()


def odd_ones(
    descriptions: Sequence[Description], rows: Sequence[Sequence[int]], sizes: Sequence[Size | None]
) -> Iterator[Odd]:
    """The segments that differ from their siblings."""
    yield from _odd_shapes(descriptions, rows, sizes)
    yield from _odd_slots(descriptions, rows, sizes)


def _odd_shapes(
    descriptions: Sequence[Description], rows: Sequence[Sequence[int]], sizes: Sequence[Size | None]
) -> Iterator[Odd]:
    shapes = [d.shape for d in descriptions]
    found = Counter(shapes)
    for row in rows:
        for number, usual in (*_out_of_period(row, shapes, sizes), *_odd_starts(row, shapes, sizes)):
            if found[shapes[number]] == 1 and shapes[number] != usual:
                siblings = tuple(n for n, shape in enumerate(shapes) if shape == usual)
                if len(siblings) >= _VOTES and not _is_at_an_end(number, row, _period_of(row, shapes, sizes), siblings):
                    yield Odd(number, siblings)


def _out_of_period(
    row: Sequence[int], shapes: Sequence[int], sizes: Sequence[Size | None]
) -> Iterator[tuple[int, int]]:
    """Blocks inside a run, each with the shape that the others at its place of the period have."""
    period = _period_of(row, shapes, sizes)
    if period is None:
        return
    for run in runs(row, sizes):
        here = [shapes[n] for n in run]
        places = [Counter(here[place or period :: period]) for place in range(period)]
        for at in range(1, len(run)):
            place = places[at % period]
            alike = [shape for shape, many in place.items() if many > (shape == here[at])] if len(place) < 3 else []
            if len(alike) != 1:
                continue
            votes = place[alike[0]] - (alike[0] == here[at]) + (at % period == 0 and here[0] == alike[0])
            if votes >= (1 if period == 1 else _VOTES):
                yield run[at], alike[0]


def _odd_starts(row: Sequence[int], shapes: Sequence[int], sizes: Sequence[Size | None]) -> Iterator[tuple[int, int]]:
    """The first block of a run that differs from the first ones of all other runs; the first and last run may differ."""
    firsts = [run[0] for run in runs(row, sizes)]
    found = Counter(shapes[n] for n in firsts[1:])
    for number in firsts[1:-1] if len(firsts) > _VOTES + 2 and len(found) < 3 else ():
        others = [shape for shape, many in found.items() if many > (shape == shapes[number])]
        if len(others) == 1:
            yield number, others[0]


def _period_of(row: Sequence[int], shapes: Sequence[int], sizes: Sequence[Size | None]) -> int | None:
    return _period([[shapes[n] for n in run] for run in runs(row, sizes)])


def _is_at_an_end(number: int, row: Sequence[int], period: int | None, siblings: Sequence[int]) -> bool:
    """Whether a block lies where stacks differ on purpose: at the very ends, or in the first or last layer of a short one."""
    at, step = row.index(number), period or 1
    if number in (row[0], row[-1]):
        return True
    return (at < step or at >= len(row) - step) and len(siblings) < _MANY


def _period(runs: Sequence[Sequence[int]]) -> int | None:
    """The smallest step after which shapes repeat in all runs, but for the first of each and a few others; None without one."""
    total = sum(map(len, runs))
    for period in range(1, min(max(map(len, runs)) // 2, _LONGEST) + 1):
        wrong = sum(_wrong(run, period) for run in runs)
        if wrong <= max(1, total // 10):
            return period
    return None


def _wrong(run: Sequence[int], period: int) -> int:
    """How many blocks of a run, its first one left out, are not what most are at their place of the period."""
    places = (run[k::period] if k else run[period::period] for k in range(period))
    return sum(len(here) - max(Counter(here).values(), default=0) for here in places)


def _odd_slots(
    descriptions: Sequence[Description], rows: Sequence[Sequence[int]], sizes: Sequence[Size | None]
) -> Iterator[Odd]:
    shapes = [d.shape for d in descriptions]
    row_of = {n: row for row in rows for n in row}
    run_of = {n: at for at, run in enumerate(run for row in rows for run in runs(row, sizes)) for n in run}
    for group in _alike(descriptions):
        told: dict[int, list[tuple[Slot, Slot]]] = {}
        for column in zip(*(descriptions[n].slots for n in group), strict=True):
            at = _odd_at(column)
            if at is None:
                continue
            number, others = group[at], [n for n in group if n != group[at]]
            near = [n for n in others if run_of[n] == run_of[number]]
            spread = len({run_of[n] for n in others}) > 1
            like = column[group.index(near[0] if near else others[0])]
            far = spread and len(others) > _VOTES and _is_sizeless(like, column[at])
            if (near or far) and len(others) >= _needed(like, column[at]):
                told.setdefault(number, []).append((like, column[at]))
        for number, slots in told.items():
            siblings = tuple(n for n in group if n != number)
            row = row_of[number]
            step = _period_of(row, shapes, sizes)
            early = any(_is_too_early(row.index(number), step or 1, theirs) for theirs, _ in slots)
            if not early and not _is_at_an_end(number, row, step, siblings):
                yield Odd(number, siblings, tuple(slots))


def _is_too_early(at: int, step: int, theirs: Slot) -> bool:
    """Whether a block has none before it in which it could read the stream as its siblings do."""
    if not theirs.what.startswith("stream") or not isinstance(theirs.value, tuple):
        return False
    back: int = theirs.value[0]
    return at < max(step, back) * (1 + _is_inner(theirs))


def _is_inner(slot: Slot) -> bool:
    """Whether a slot reads what is inside an earlier block: the first layer has none before it to read from."""
    return slot.what.startswith("stream") and isinstance(slot.value, tuple) and slot.value[1] >= 0


def _alike(descriptions: Sequence[Description]) -> Iterator[list[int]]:
    """The segments of one shape that are not all the same, where there are enough."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, d in enumerate(descriptions):
        groups.setdefault((d.shape, *(slot.what for slot in d.slots)), []).append(number)
    for group in groups.values():
        if len(group) > _VOTES and len({descriptions[n].values for n in group}) > 1:
            yield group


def _is_sizeless(theirs: Slot, own: Slot) -> bool:
    """Whether a slot is a plain number (an axis, an epsilon) or a stream, which no stage's size decides."""
    if own.what != "attributes" or not isinstance(own.value, tuple) or not isinstance(theirs.value, tuple):
        return own.what.startswith("stream")
    names = [name for name, _ in {*own.value} ^ {*theirs.value}]
    return all(own.op.integers(name) is None and theirs.op.integers(name) is None for name in names)


def _needed(theirs: Slot, own: Slot) -> int:
    """How many siblings must agree: widths and what is read from elsewhere are chosen more freely than attributes."""
    what = own.what.split()[0]
    if what == "constant" and isinstance(own.value, tuple) and own.value[2] is None:
        return _MANY
    if what == "stream":
        return _MANY if _is_inner(theirs) else _VOTES
    return _VOTES if what == "attributes" else _VOTES + 1


def _odd_at(column: Sequence[Slot]) -> int | None:
    """The place of the one slot that differs where all others agree, None where there is none."""
    for values in ([s.value for s in column], [s.also for s in column] if column[0].also is not None else []):
        counted = Counter(values)
        if len(counted) == 1:
            return None
        if len(counted) == 2 and min(counted.values()) == 1:
            return values.index(min(counted, key=lambda v: counted[v]))
    return None


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
