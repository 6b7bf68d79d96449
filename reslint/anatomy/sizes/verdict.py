"""What a trial says of a model: meetings that fit at some sizes only, and symbols that admit a single size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reslint.anatomy.sizes.call import Failure, Kind
from reslint.anatomy.sizes.extent import Column, Extent, Mask
from reslint.anatomy.sizes.symbols import Symbol
from reslint.anatomy.sizes.trial import DENSE, Sweep, Trial
from reslint.net import Net, Op

_MEETINGS = frozenset({Kind.SUM, Kind.CONCAT})
_FEW = 2  # sizes that a fixed symbol may work at: that of the constant, and 1, which is stretched to it
_STRIDES = (1, 2, 4, 8, 16, 32, 64, 3, 5, 6, 10)
_FAR = 64  # ops that are looked through
_MANY = 20  # sizes at which it fails


class Mismatch(NamedTuple):
    """A meeting whose sides have different sizes for some extents of a symbol.

    `sizes` were tried, at `fits` both sides are the same and all else works, at `fails` they can't be joined; `spreads` are
    those at which one side has become 1 and is silently stretched. `sides` are the extents at `sizes`. `tied` is the symbol
    that the other side depends on, where the two depend on different ones.
    """

    failure: Failure
    symbol: Symbol
    sizes: Column
    sides: tuple[Column, Column]
    fits: Mask
    fails: Mask
    spreads: Mask
    tied: Symbol | None = None


class Fixed(NamedTuple):
    """A symbol that works at one size, or within one step of a stride: at `works`, and not at `fails_at`."""

    symbol: Symbol
    works: tuple[int, ...]
    fails_at: int
    failure: Failure
    sweep: Sweep


def mismatches(trial: Trial) -> Iterator[Mismatch]:
    """All meetings that fit at some sizes only, in the graph's order."""
    held = {f.symbol.key for f in fixed(trial)}
    for failure in trial.failures:
        if failure.kind in _MEETINGS:
            for sweep in trial.sweeps:
                found = _mismatch(trial, failure, sweep) if sweep.symbol.key not in held else None
                if found is not None:
                    yield found


def _mismatch(trial: Trial, failure: Failure, sweep: Sweep) -> Mismatch | None:
    fails = failure.at[sweep.columns]
    if not fails.any():
        return None
    sides = (swept(failure.sides[0], sweep), swept(failure.sides[1], sweep))
    spreads = np.zeros_like(fails)
    for stretch in trial.stretched:
        if stretch.op is failure.op and stretch.axis == failure.axis:
            spreads |= stretch.at[sweep.columns]
    fits = (trial.works & ~trial.empty)[sweep.columns] & ~spreads
    if not fits.any():
        return None
    beyond = fails & (sweep.sizes > sweep.sizes[fits].min())  # a lower limit is none
    if all(_varies(side) and _varies(side[beyond]) for side in sides):  # an upper limit is the same from there on
        return Mismatch(failure, sweep.symbol, sweep.sizes, sides, fits, fails, spreads)
    tied = _tied(trial, failure, sweep, sides)
    if tied is not None and fits.sum() <= _FEW:
        return Mismatch(failure, sweep.symbol, sweep.sizes, sides, fits, fails, spreads, tied)
    return None


def _tied(trial: Trial, failure: Failure, sweep: Sweep, sides: tuple[Column, Column]) -> Symbol | None:
    """The symbol that one side is made of where the other is made of this sweep's."""
    if _varies(sides[0]) == _varies(sides[1]):
        return None
    still = failure.sides[1 if _varies(sides[0]) else 0]
    return next((s.symbol for s in trial.sweeps if s is not sweep and _varies(swept(still, s))), None)


def swept(extent: Extent, sweep: Sweep) -> Column:
    """An extent at the sizes of a sweep."""
    return (
        np.broadcast_to(np.asarray(extent, np.float64), sweep.sizes.shape)
        if isinstance(extent, float)
        else extent[sweep.columns]
    )


def _varies(column: Column) -> bool:
    known = column[~np.isnan(column)]
    return known.size > 0 and bool((known != known[0]).any())


def fixed(trial: Trial) -> tuple[Fixed, ...]:
    """The symbols that a constant holds to one size."""
    return tuple(found for sweep in trial.sweeps if (found := _fixed(trial, sweep)) is not None)


def _fixed(trial: Trial, sweep: Sweep) -> Fixed | None:
    works = (trial.works & ~trial.empty)[sweep.columns]
    at = np.flatnonzero(works)
    failing = [f for f in trial.failures if f.kind is not Kind.SMALL and f.at[sweep.columns].any()]
    fails = np.logical_or.reduce([f.at[sweep.columns] for f in failing]) if failing else np.zeros_like(works)
    if not at.size or fails.sum() < _MANY or at[-1] - at[0] >= at.size and at.size > _FEW or not fails[at[-1] :].any():
        return None
    next_at = at[-1] + int(np.argmax(fails[at[-1] :]))
    failure = next(f for f in failing if f.at[sweep.columns][next_at])
    limits = at.size > _FEW and not fails[: at[0]].any()  # an upper limit, such as the length of a table of positions
    if not (_is_cut(trial, failure, sweep) if limits else _is_constant(failure)):
        return None
    sizes = sweep.sizes[works]
    return Fixed(sweep.symbol, tuple(int(s) for s in sizes), int(sweep.sizes[next_at]), failure, sweep)


def _is_constant(failure: Failure) -> bool:
    """Whether one side is the same whatever the inputs' sizes are."""
    return failure.kind is Kind.SPLIT or any(isinstance(side, float) for side in failure.sides)


def _is_cut(trial: Trial, failure: Failure, sweep: Sweep) -> bool:
    """Whether a side was cut to a constant length on its way, and is no stored table that ends there."""
    return any(next(cuts(trial, failure.net, name, sweep), None) is not None for name in failure.names)


def cuts(trial: Trial, net: Net, name: str, sweep: Sweep) -> Iterator[Op]:
    """The slices on the way to a tensor that leave an axis of data as long as it was up to a length, and cut it there."""
    for _ in range(_FAR):
        op = net.producer.get(name)
        source = next(iter(op.data), "") if op is not None else ""
        if op is None or not source:
            return
        if op.type == "Slice" and _saturates(trial, net, op.id, sweep) and not _saturates(trial, net, source, sweep):
            yield op
        name = source


def _saturates(trial: Trial, net: Net, name: str, sweep: Sweep) -> bool:
    """Whether an extent grows with the symbol at first and stays the same for all large ones."""
    for extent in trial.extents(net, name) or ():
        column = swept(extent, sweep)
        if _varies(column) and not _varies(column[column.size // 2 :]):
            return True
    return False


def first_failure(mismatch: Mismatch) -> int:
    """The place in `sizes` of the first size that fails behind one that fits."""
    first = int(np.argmax(mismatch.fits))
    behind = np.flatnonzero(mismatch.fails[first:])
    return first + int(behind[0]) if behind.size else int(np.argmax(mismatch.fails))


def rule_of(mismatch: Mismatch) -> str:
    """At which sizes a model fits, in words (`fits at multiples of 32`, `fails where ceil(height/2) is odd`)."""
    name = mismatch.symbol.label
    if mismatch.tied is not None:
        return f"fits only where {name} and {mismatch.tied.label} are the same"
    dense = mismatch.sizes <= DENSE
    sizes, fits = mismatch.sizes[dense].astype(np.int64), mismatch.fits[dense]
    fails = ~fits & (sizes > sizes[fits].min(initial=DENSE))  # smaller ones may fail for lack of room
    for stride in _STRIDES:
        for word, up in (("ceil", stride - 1), ("floor", 0)):
            found = _multiple((sizes + up) // stride, fits, fails)
            if found:
                return _divides(found, name if stride == 1 else f"{word}({name}/{stride})", stride)
    return _repeats(name, sizes, fits, fails) or _listed(mismatch)


Sizes = np.ndarray[tuple[int], np.dtype[np.int64]]


def _multiple(values: Sizes, fits: Mask, fails: Mask) -> int:
    """The number of which the values are multiples where a model fits, and are none where it fails; 0 if there is none."""
    common = int(np.gcd.reduce(values[fits])) if fits.any() else 0
    return common if common > 1 and not (values[fails] % common == 0).any() else 0


def _divides(number: int, formula: str, stride: int) -> str:
    if stride == 1:
        return f"fits at multiples of {number}"
    return f"fails where {formula} is odd" if number == 2 else f"fits where {formula} is a multiple of {number}"


def _repeats(name: str, sizes: Sizes, fits: Mask, fails: Mask) -> str:
    for period in (2, 4, 8, 16, 32):
        left, right = (set((sizes[mask] % period).tolist()) for mask in (fits, fails))
        if left and not left & right:
            return f"fits where {name} mod {period} is {' or '.join(map(str, sorted(left)))}"
    return ""


def _listed(mismatch: Mismatch) -> str:
    """The first sizes that fit."""
    listed = ", ".join(map(str, mismatch.sizes[mismatch.fits][:4].astype(int)))
    return f"fits at {listed}, ..." if mismatch.fits.sum() > 4 else f"fits at {listed}"
