"""Two rows of blocks in, which stand for each other out: the alignment of the highest likeness (Needleman and Wunsch 1970)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from reslint.anatomy.describe.signature import label, shapeless
from reslint.anatomy.values import Layer, Work
from reslint.comparison.row import Item, Row

Pair = tuple[Item | None, Item | None]
Scores = np.ndarray[tuple[int, ...], np.dtype[np.int32]]

_SAME = 1000
_BARE = 300  # a block's layers without its shortcut: less than any block that is like it
_NEVER = -(10**8)
_CELLS = 1 << 24  # of the table; larger ones are filled near their diagonal only
_ROWS = 10_000  # pairs of rows that are compared; beyond, rows stand for each other in order
_MOST = 0.75  # of a block's layers must stand in a stretch, a heuristic


def aligned(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Pair]:
    """The items of all rows, each with what stands for it in the other model: row by row, then what is left across rows."""
    left: list[tuple[Item, int]] = []
    right: list[tuple[Item, int]] = []
    for at, (here, there) in enumerate(_paired(old, new)):
        for pair in _aligned(here, there):
            if None not in pair:
                yield pair
            elif pair[0] is not None:
                left.append((pair[0], at))
            elif pair[1] is not None:
                right.append((pair[1], at))
    yield from _across(left, right)


def _paired(old: Sequence[Row], new: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Which rows stand for each other: those that have most in common first. A row may stand alone."""
    kinds = [[Counter(item.what for item in row) for row in rows] for rows in (old, new)]
    common = [
        (-(a & b).total(), abs(i - j), i, j)
        for i, a in enumerate(kinds[0])
        for j, b in enumerate(kinds[1])
        if len(old) * len(new) <= _ROWS or i == j
    ]
    here, there = {*range(len(old))}, {*range(len(new))}
    for _, _, i, j in sorted(common):
        if i in here and j in there:
            here.remove(i)
            there.remove(j)
            yield old[i], new[j]
    yield from ((old[i], ()) for i in sorted(here))
    yield from (((), new[j]) for j in sorted(there))


def _across(old: Sequence[tuple[Item, int]], new: Sequence[tuple[Item, int]]) -> Iterator[Pair]:
    """What was left of pairs of rows, aligned where it comes from different ones: within a pair, the order has been told."""
    if len({at for _, at in (*old, *new)}) == 1:
        yield from ((item, None) for item, _ in old)
        yield from ((None, item) for item, _ in new)
        return
    rows = {id(item): at for item, at in (*old, *new)}
    for here, there in _aligned([item for item, _ in old], [item for item, _ in new]):
        if here is not None and there is not None and rows[id(here)] == rows[id(there)]:
            yield here, None
            yield None, there
        else:
            yield here, there


def _aligned(old: Sequence[Item], new: Sequence[Item]) -> Iterator[Pair]:
    """The items of two rows in order."""
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    yield from zip(old[:first], new[:first], strict=True)
    yield from _between(old[first : len(old) - last], new[first : len(new) - last])
    yield from zip(old[len(old) - last :], new[len(new) - last :], strict=True)


def likeness(old: Work, new: Work) -> float:
    """The share of layers that two branches have in common; 1 where neither has any."""
    every = (old | new).total()
    return (old & new).total() / every if every else 1.0


def unshaped(layers: Work) -> Work:
    """Layers without their widths: what pruning leaves of them."""
    return Work(dict(shapeless(layers.items())))


def _common(old: Sequence[Item], new: Sequence[Item]) -> int:
    """How many items the rows have in common at their start."""
    pairs = zip(old, new, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a.what != b.what), min(len(old), len(new)))


def _between(old: Sequence[Item], new: Sequence[Item]) -> Iterator[Pair]:
    if not old or not new:
        yield from ((item, None) for item in old)
        yield from ((None, item) for item in new)
        return
    scores, rows, columns = _scored(old, new)
    for i, j in _path(scores, rows, columns):
        yield old[i] if i is not None else None, new[j] if j is not None else None


def _scored(old: Sequence[Item], new: Sequence[Item]) -> tuple[Scores, Sequence[int], Scores]:
    """How like each distinct item of one row is to each of the other, and which of those the rows hold."""
    olds, news = ({item.what: item for item in row} for row in (old, new))
    scores = np.array([[_score(a, b) for b in news.values()] for a in olds.values()], np.int32)
    rows, columns = ({what: at for at, what in enumerate(found)} for found in (olds, news))
    return scores, [rows[item.what] for item in old], np.array([columns[item.what] for item in new], np.int32)


def _score(old: Item, new: Item) -> int:
    if old.what == new.what:
        return _SAME if old.block is not None else _BARE // 4
    if old.block is not None and new.block is not None:
        return _of_blocks(old, new)
    if old.block is None and new.block is None:
        return int(_BARE / 4 * likeness(old.layers, new.layers)) or _NEVER
    block, bare = (old, new) if old.block is not None else (new, old)
    return max(
        _held(block.layers, bare.layers, _BARE), _held(unshaped(block.layers), unshaped(bare.layers), _BARE // 2)
    )


def _of_blocks(old: Item, new: Item) -> int:
    """How alike blocks are: by the layers of their branches, with and without sizes, by sort, kind and normalization."""
    a, b = old.block, new.block
    if a is None or b is None:
        return _NEVER
    shares = [likeness(of(old.layers), of(new.layers)) for of in (Work, unshaped, _sorts)]
    sort = label(a).split()[0] == label(b).split()[0]
    found = int(
        _SAME * (0.2 * sum(shares) + 0.2 * sort + 0.1 * (a.kind is b.kind) + 0.1 * (a.normalization is b.normalization))
    )
    return 2 * found - _SAME if 2 * found > _SAME else _NEVER


def _sorts(layers: Work) -> Work:
    """Layers without any size."""
    found = Work()
    for layer, n in layers.items():
        found[Layer(layer.kind)] += n
    return found


def _held(block: Work, bare: Work, most: int) -> int:
    total = block.total()
    share = (block & bare).total() / total if total else 0.0
    return int(most * share) if share >= _MOST else _NEVER


def _path(scores: Scores, rows: Sequence[int], columns: Scores) -> Sequence[tuple[int | None, int | None]]:
    """The pairs of the best alignment, where what stands for nothing costs nothing."""
    height, width = len(rows), len(columns)
    reach = max(_CELLS // height, 1)
    table = [np.zeros(min(reach, width) + 1, np.int32)]
    starts = [0]
    for i in range(1, height + 1):
        middle = i * width // height
        low, high = max(middle - reach, 0), min(middle + reach, width)
        before = _seen(table[-1], starts[-1], low - 1, high)
        found = np.maximum(before[1:], before[:-1] + _gains(scores[rows[i - 1]], columns, low, high))
        table.append(np.maximum.accumulate(found))
        starts.append(low)

    def at(i: int, j: int) -> int:
        place = j - starts[i]
        return int(table[i][place]) if 0 <= place < len(table[i]) else _NEVER

    path: list[tuple[int | None, int | None]] = []
    i, j = height, width
    while i and j:
        here = at(i, j)
        if here == at(i - 1, j - 1) + int(scores[rows[i - 1], columns[j - 1]]):
            i, j = i - 1, j - 1
            path.append((i, j))
        elif here == at(i - 1, j):
            i -= 1
            path.append((i, None))
        else:
            j -= 1
            path.append((None, j))
    path += [(k, None) for k in reversed(range(i))] + [(None, k) for k in reversed(range(j))]
    return path[::-1]


def _seen(line: Scores, start: int, low: int, high: int) -> Scores:
    """A line of the table from one column to another; what it does not reach can't be."""
    found = np.full(high - low + 1, _NEVER, np.int32)
    first, last = max(low, start), min(high, start + len(line) - 1)
    if first <= last:
        found[first - low : last - low + 1] = line[first - start : last - start + 1]
    return found


def _gains(scores: Scores, columns: Scores, low: int, high: int) -> Scores:
    """What pairing one item with each of the columns adds; column 0 stands for none."""
    found = scores[columns[max(low - 1, 0) : high]]
    return np.concatenate((np.array([_NEVER], np.int32), found)) if low == 0 else found
