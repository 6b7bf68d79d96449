"""A model tried at many sizes: each symbol of its inputs swept over a hundred of them, the others held where all fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reslint.anatomy.sizes.call import Failure, Stretch
from reslint.anatomy.sizes.extent import Column, Extents, Mask
from reslint.anatomy.sizes.symbols import Symbol, shapes_of, symbols_of
from reslint.anatomy.sizes.walk import Walk
from reslint.net import Net

_COMMON = (144, 160, 176, 192, 196, 197, 200, 224, 225, 240, 256, 257, 288, 299, 300, 320, 336, 384, 400, 448, 480, 512)
_LARGE = (
    513,
    576,
    640,
    768,
    800,
    1000,
    1024,
    1025,
    1280,
    1500,
    1536,
    2048,
    3000,
    4096,
    8000,
    16000,
    16384,
    32768,
    48000,
)

DENSE = 132
"""All sizes from 1 to this one are tried."""

SWEPT: Column = np.asarray((*range(1, DENSE + 1), *_COMMON, *_LARGE), np.float64)
"""The sizes that each symbol is tried at: small ones, and those that people use."""

_FINE: Column = np.arange(1, 4097, dtype=np.float64)  # where few sizes fit, as in codecs without padding
_MOST_SYMBOLS = 12  # that are swept; a decoder with caches may declare hundreds
_ROUNDS = 6
_START = 64.0
_FIRST = 2.0  # the first axis is mostly the batch, at which 1 may hide what 2 shows


@dataclass(frozen=True, slots=True)
class Sweep:
    """One symbol at several sizes, the others held: its columns in the trial, and the sizes."""

    symbol: Symbol
    columns: slice
    sizes: Column


@dataclass(frozen=True, eq=False)
class Trial:
    """How a model does at all assignments. Column 0 is the `base`, at which everything fits.

    `works` says where it does, `empty` where a map is smaller than a window,
    `failures` where inputs don't fit for the first time, in the graph's order.
    """

    net: Net
    base: Mapping[str, float]
    sweeps: tuple[Sweep, ...]
    works: Mask
    empty: Mask
    failures: tuple[Failure, ...]
    stretched: tuple[Stretch, ...]
    walk: Walk

    def extents(self, net: Net, name: str) -> Extents | None:
        """The shape of a tensor at all assignments, None where its rank is unknown."""
        return self.walk.tensor(net, name).extents

    def same_where_it_works(self, net: Net, one: str, other: str) -> bool:
        """Whether two tensors are known to have one shape at all assignments at which the model works."""
        a, b = self.extents(net, one), self.extents(net, other)
        if a is None or b is None or len(a) != len(b):
            return False
        pairs = [np.broadcast_arrays(d, e, self.works)[:2] for d, e in zip(a, b, strict=True)]
        return all(bool((d == e)[self.works].all()) for d, e in pairs)


def tried(net: Net) -> Trial | None:
    """Try a model at many sizes; None where its inputs leave no size open, or no assignment was found at which it works."""
    symbols = symbols_of(net)
    if not symbols or len(symbols) > _MOST_SYMBOLS:
        return None
    base = {s.key: _FIRST if s.axis == 0 else _START for s in symbols}
    joint: Sequence[Mapping[str, float]] = ()
    for turn in range(_ROUNDS):
        sizes = _FINE if turn >= 3 and len(symbols) <= 4 else SWEPT
        values, sweeps = _columns(symbols, base, joint, sizes)
        walk = _walked(net, values)
        if walk.alive[0] and not walk.empty[0]:
            return Trial(net, base, sweeps, walk.alive, walk.empty, tuple(walk.failures), tuple(walk.stretched), walk)
        best = _best(walk)
        base = {key: float(column[best]) for key, column in values.items()}
        joint = _joint(symbols) if turn == 0 else ()
        if turn and best == 0 and (sizes is _FINE or len(symbols) > 4):
            return None
    return None


def _best(walk: Walk) -> int:
    """The assignment at which a walk gets furthest; of those the first, which is the base where nothing is better."""
    return int(np.argmax(np.where(walk.alive & ~walk.empty, np.iinfo(np.int64).max, walk.reached)))


def _walked(net: Net, values: Mapping[str, Column]) -> Walk:
    shapes, columns = shapes_of(net, values)
    walk = Walk(net, columns, len(next(iter(values.values()))))
    walk.run(net, shapes)
    return walk


def _columns(
    symbols: Sequence[Symbol], base: Mapping[str, float], joint: Sequence[Mapping[str, float]], sizes: Column
) -> tuple[Mapping[str, Column], tuple[Sweep, ...]]:
    """The values of each symbol: the base, a sweep of each, and what else is to be tried."""
    total = 1 + len(symbols) * len(sizes) + len(joint)
    values = {s.key: np.full(total, base[s.key]) for s in symbols}
    sweeps = []
    for k, symbol in enumerate(symbols):
        columns = slice(1 + k * len(sizes), 1 + (k + 1) * len(sizes))
        values[symbol.key][columns] = sizes
        sweeps.append(Sweep(symbol, columns, sizes))
    for k, assignment in enumerate(joint, 1 + len(symbols) * len(sizes)):
        for key, value in assignment.items():
            values[key][k] = value
    return values, tuple(sweeps)


def _joint(symbols: Sequence[Symbol]) -> list[Mapping[str, float]]:
    """All symbols at one size, and all but those of the first axis: pictures are square, texts as long as their masks."""
    found: list[Mapping[str, float]] = []
    for first in (2.0, 1.0):
        for size in (*_COMMON[::-1], *range(DENSE, 0, -1), *_LARGE):
            found.append({s.key: first if s.axis == 0 else float(size) for s in symbols})
    found += [{s.key: float(size) for s in symbols} for size in range(1, DENSE + 1)]
    return found
