"""An extent at many sizes of the inputs at once: a number, or a column with one number for each assignment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

Column = np.ndarray[tuple[int], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""The elements of a small tensor. Its first axis is the assignments, of length 1 where they make no difference."""

Extent = float | Column
"""The length of an axis: the same number for each assignment, or one for each. NaN is what nobody knows.

Doubles hold each size that there is, and NaN goes through all arithmetic and compares equal to nothing, which is what a
size that is not known should do.
"""

Extents = tuple[Extent, ...]

UNKNOWN = math.nan


class Tensor(NamedTuple):
    """What is known of a tensor: its shape, None where the rank is unknown, and its elements where they are few and known."""

    extents: Extents | None
    numbers: Numbers | None = None


NOTHING = Tensor(None)


class Meeting(NamedTuple):
    """What two extents that should be equal give, where they differ, and where the one is stretched to the other."""

    extent: Extent
    fails: Mask | bool
    stretches: Mask | bool


def is_unknown(extent: Extent) -> bool:
    """Whether an extent is unknown at every assignment."""
    return bool(np.isnan(extent)) if isinstance(extent, float) else False


def product(extents: Iterable[Extent]) -> Extent:
    """The number of elements of a shape."""
    total: Extent = 1.0
    for extent in extents:
        total = total * extent
    return total


def equal(one: Extent, other: Extent) -> Meeting:
    """Two extents that must be equal, as those of the terms of a concatenation must."""
    if one is other:
        return Meeting(one, False, False)
    fails = (np.less(one, other)) | (np.greater(one, other))  # False where one of them is unknown
    kept = np.where(np.isnan(one), other, one)
    return Meeting(_extent(kept), _mask(fails), False)


def broadcast(one: Extent, other: Extent) -> Meeting:
    """Two extents that must be equal or 1, as numpy and ONNX's elementwise operators have it."""
    if one is other:
        return Meeting(one, False, False)
    if isinstance(one, float) and isinstance(other, float):
        return _of_numbers(one, other)
    differ = np.less(one, other) | np.greater(one, other)
    single = np.equal(one, 1) | np.equal(other, 1)
    wide = np.where(np.equal(one, 1), other, np.where(np.isnan(one) & np.greater(other, 1), other, one))
    return Meeting(_extent(wide), _mask(differ & ~single), _mask(differ & single))


def _of_numbers(one: float, other: float) -> Meeting:
    if one == other or other == 1:
        return Meeting(one, False, one > 1)
    if one == 1:
        return Meeting(other, False, other > 1)
    if math.isnan(one) or math.isnan(other):
        known = other if math.isnan(one) else one
        return Meeting(known, False, False)  # 1 was handled above, so that the unknown one is as large, or 1
    return Meeting(one, True, False)


def _extent(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Extent:
    return float(values) if values.ndim == 0 else values.reshape(-1)


def _mask(values: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Mask | bool:
    return bool(values) if values.ndim == 0 else values.reshape(-1)


class Interner:
    """Extents that are equal for all assignments become one object, so that `is` compares formulas."""

    def __init__(self) -> None:
        self._known: dict[bytes, Column] = {}
        self._own: set[int] = set()

    def settle(self, extent: Extent) -> Extent:
        """The one object that stands for an extent; a column of a single number becomes that number."""
        if not isinstance(extent, np.ndarray):
            return float(extent)
        if id(extent) in self._own:
            return extent
        first = extent[0]
        if (extent == first).all() or np.isnan(extent).all():
            return float(first)
        found = self._known.setdefault(extent.tobytes(), extent)
        self._own.add(id(found))
        return found
