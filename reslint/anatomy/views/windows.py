"""Slices, pads and joins of one tensor: which positions of it a tensor shows, turned, moved, or only a part of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from reslint.anatomy.views.atoms import Atom, Axes, Axis
from reslint.net import Net, Op
from reslint.net.weights import integers, is_zero


class Window(NamedTuple):
    """What a tensor shows of another: its position p along an axis is the source's position p + offset, from low to high."""

    source: str
    axis: int
    offset: int
    low: int
    high: int

    def within(self, extent: int) -> tuple[int, int]:
        """The first and the last but one of its own positions that show something."""
        return max(self.low - self.offset, 0), min(self.high - self.offset, extent)


def window(net: Net, op: Op, known: Mapping[str, Window]) -> Window | None:
    """The window that a slice, a pad or a concatenation opens, None where it is none, or one along several axes."""
    if op.type == "Slice":
        return _sliced(net, op, known)
    if op.type == "Pad":
        return _padded(net, op, known)
    return _joined(net, op, known) if op.type == "Concat" else None


def shown(window: Window, axes: Axes, extent: int) -> Axes | None:
    """The axes of a window as large as its source: moved, or only in part the source's; None where it has another size."""
    axis = axes[window.axis]
    if len(axis) != 1 or axis[0].size != extent:
        return None
    low, high = window.within(extent)
    shift = (axis[0].shift + window.offset) % extent if extent else 0
    moved = extent - abs(window.offset)
    held = high - low if high - low < moved else axis[0].held
    marked = replace(axis[0], shift=shift, held=held)
    return (*axes[: window.axis], (marked,), *axes[window.axis + 1 :])


def turned(net: Net, op: Op, axes: Axes) -> Axes | None:
    """The axes behind a slice that runs backwards, or a reversal; None where an op is neither."""
    if op.type == "ReverseSequence":
        return _turned(axes, op.integer("time_axis", 0))
    if op.type != "Slice" or len(op.inputs) < 5:
        return None
    steps, along = integers(net, op.inputs[4]), cut_axes(net, op)
    if not steps or along is None or set(steps) != {-1} or net.shape(op.id) != net.shape(op.inputs[0]):
        return None
    for axis in along:
        axes = _turned(axes, axis)
    return axes


def picked(net: Net, op: Op, axis: Axis) -> Axis | None:
    """An axis from which a look-up takes all positions, backwards or moved round; None where it does neither."""
    found = integers(net, op.inputs[1])
    size = axis[0].size if len(axis) == 1 else None
    if not found or size != len(found):
        return None
    first = found[0] % len(found)
    if all(i % len(found) == (first + at) % len(found) for at, i in enumerate(found)):
        return (replace(axis[0], shift=(axis[0].shift + first) % len(found)),)
    if all(i % len(found) == len(found) - 1 - at for at, i in enumerate(found)):
        return (_back(axis[0]),)
    return None


def _turned(axes: Axes, axis: int) -> Axes:
    at = axis % len(axes)
    return (*axes[:at], tuple([_back(atom) for atom in axes[at]]), *axes[at + 1 :])


def _back(atom: Atom) -> Atom:
    return replace(atom, turned=not atom.turned)


def cut_axes(net: Net, op: Op) -> tuple[int, ...] | None:
    """The axes that a slice cuts."""
    if len(op.inputs) > 3 and op.inputs[3]:
        return integers(net, op.inputs[3])
    return op.integers("axes") or tuple(range(len(net.shape(op.inputs[0]) or ())))


def _sliced(net: Net, op: Op, known: Mapping[str, Window]) -> Window | None:
    shape, along = net.shape(op.inputs[0]), cut_axes(net, op)
    starts, ends = (
        (integers(net, op.inputs[1]), integers(net, op.inputs[2]))
        if len(op.inputs) > 2
        else (op.integers("starts"), op.integers("ends"))
    )
    steps = integers(net, op.inputs[4]) if len(op.inputs) > 4 and op.inputs[4] else (1,)
    if not shape or not along or not starts or not ends or not steps or len(along) != 1 or set(steps) != {1}:
        return None
    axis = along[0] % len(shape)
    extent = shape[axis]
    if not isinstance(extent, int):
        return None
    first, last = (min(max(v + extent if v < 0 else v, 0), extent) for v in (starts[0], ends[0]))
    before = known.get(op.inputs[0])
    if before is not None and before.axis == axis:
        low, high = max(before.low, first + before.offset), min(before.high, last + before.offset)
        return Window(before.source, axis, before.offset + first, low, high)
    return Window(op.inputs[0], axis, first, first, last)


def _padded(net: Net, op: Op, known: Mapping[str, Window]) -> Window | None:
    shape = net.shape(op.inputs[0])
    pads = op.integers("pads") or (integers(net, op.inputs[1]) if len(op.inputs) > 1 else None)
    if not shape or not pads or len(pads) != 2 * len(shape) or len(op.inputs) > 3 and op.inputs[3]:
        return None
    moved = [k for k in range(len(shape)) if pads[k] or pads[len(shape) + k]]
    if len(moved) != 1 or not isinstance(extent := shape[moved[0]], int):
        return None
    axis, front = moved[0], pads[moved[0]]
    before = known.get(op.inputs[0])
    if before is None or before.axis != axis:
        before = Window(op.inputs[0], axis, 0, 0, extent)
    return before._replace(offset=before.offset - front)


def _joined(net: Net, op: Op, known: Mapping[str, Window]) -> Window | None:
    """The window that the longest part opens, where all others show the same tensor, or nothing."""
    shape = net.shape(op.id)
    if not shape:
        return None
    axis = op.integer("axis", 1) % len(shape)
    at, longest, found = 0, 0, None
    shows = 0
    for name in op.inputs:
        extent = (net.shape(name) or ())[axis : axis + 1]
        if not extent or not isinstance(extent[0], int):
            return None
        part = known.get(name)
        if part is not None and part.axis == axis and (found is None or part.source == found.source):
            shows += extent[0]
            if extent[0] > longest:
                longest, found = extent[0], part._replace(offset=part.offset - at)
        elif not is_zero(net, name):
            return None
        at += extent[0]
    if found is None:
        return None
    return found if shows < at - abs(found.offset) else found._replace(low=found.offset, high=found.offset + at)
