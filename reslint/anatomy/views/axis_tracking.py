"""A block in, which axis of its fork each axis of its two sides is out: what no shape checker sees.

An axis is a row of atoms; a reshape splits and joins atoms, a transpose moves axes, and what a layer mixes along an axis is
still that axis. So a permutation that is undone leaves no trace, whatever came between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy.graph.ops import CONVS, FUSED_ATTENTION, GATHERING, POOLING, RECURRENT
from reslint.anatomy.values import Block
from reslint.net import Dim, Net, Op


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of an axis of the fork: `size` elements, `stride` elements of that axis apart; `axis` is -1 for a new one."""

    axis: int
    size: Dim
    stride: int = 1


Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]

_GIVE_UP = (
    FUSED_ATTENTION
    | GATHERING
    | RECURRENT
    | {"Einsum", "TopK", "NonZero", "If", "Loop", "Scan", "GatherND", "GatherElements"}
)


def swapped(block: Block) -> tuple[int, int] | None:
    """Two axes of the merge at which shortcut and branch have each other's axis of the fork, None where all agree."""
    if not any(op.type == "Transpose" for op in (*block.shortcut, *block.branch)):
        return None
    shape = block.net.shape(block.fork)
    if shape is None:
        return None
    start = {block.fork: tuple((Atom(k, d),) for k, d in enumerate(shape))}
    short = _followed(block.net, block.shortcut, start).get(block.sides[0])
    long = _followed(block.net, block.branch, start).get(block.sides[1])
    if short is None or long is None or len(short) != len(long):
        return None
    wrong = [
        k
        for k, (a, b) in enumerate(zip(short, long, strict=True))
        if _origin(a) != _origin(b) and -1 not in (_origin(a), _origin(b))
    ]
    for i in wrong:
        for j in wrong:
            if i < j and _origin(short[i]) == _origin(long[j]) and _origin(short[j]) == _origin(long[i]):
                return i, j
    return None


def _origin(axis: Axis) -> int:
    """The one axis of the fork that an axis is made of, -1 where it is new or made of several."""
    found = {atom.axis for atom in axis if atom.size != 1}
    return found.pop() if len(found) == 1 else -1


def _followed(net: Net, ops: Sequence[Op], start: Mapping[str, Axes]) -> dict[str, Axes]:
    known = dict(start)
    for op in ops:
        given = [known.get(i) for i in op.inputs]
        if op.type in _GIVE_UP or not any(g is not None for g in given):
            continue
        for output in op.outputs:
            axes = _through(net, op, given, output)
            if axes is not None:
                known[output] = axes
    return known


def _through(net: Net, op: Op, given: Sequence[Axes | None], output: str) -> Axes | None:
    shape = net.shape(output)
    main = next((g for g in given if g is not None), None)
    if shape is None or main is None:
        return None
    if op.type == "Transpose":
        perm = op.integers("perm") or tuple(reversed(range(len(main))))
        return tuple(main[p] for p in perm) if sorted(perm) == list(range(len(main))) else None
    if op.type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
        return reshaped(main, shape)
    if op.type in ("MatMul", "FusedMatMul") and len(given) > 1:
        return _product(given, shape)
    if op.type == "Gather":
        return _gathered(net, op, main, shape)
    if len(shape) != len(main):
        return _broadcast(given, shape)
    if (
        op.type in CONVS
        or op.type in POOLING
        or op.type in ("Gemm", "Concat", "Slice", "Split", "Pad", "Resize", "Expand", "Tile")
    ):
        return tuple(_resized(a, d) for a, d in zip(main, shape, strict=True))
    return _broadcast(given, shape)


def _resized(axis: Axis, size: Dim) -> Axis:
    """An axis whose extent changed: still that axis, but no longer made of parts."""
    if _size(axis) == size:
        return axis
    return (Atom(_origin(axis), size),)


def _product(given: Sequence[Axes | None], shape: Sequence[Dim]) -> Axes | None:
    """Rows come from the first factor, columns from the second; a product with weights keeps the axis that it mixes."""
    first, second = given[0], given[1]
    if first is not None and second is not None:
        if len(first) < 2 or len(second) < 2 or len(first) != len(shape):
            return None
        return (*first[:-1], second[-1]) if second[-1] else None
    if first is not None:
        return (*first[:-1], _resized(first[-1], shape[-1])) if len(first) == len(shape) else None
    return (
        (*second[:-2], _resized(second[-2], shape[-2]), second[-1])
        if second and len(second) == len(shape) > 1
        else None
    )


def _gathered(net: Net, op: Op, main: Axes, shape: Sequence[Dim]) -> Axes | None:
    axis = op.integer("axis", 0) % max(len(main), 1)
    indices = net.shape(op.inputs[1])
    if indices == ():
        return main[:axis] + main[axis + 1 :]
    return tuple(_resized(a, d) for a, d in zip(main, shape, strict=True)) if len(main) == len(shape) else None


def _broadcast(given: Iterable[Axes | None], shape: Sequence[Dim]) -> Axes:
    """What several inputs agree on, axis by axis, from the right."""
    found: list[Axis] = []
    for back in range(1, len(shape) + 1):
        there = {g[-back] for g in given if g is not None and len(g) >= back and _size(g[-back]) != 1}
        there = {axis for axis in there if any(atom.axis >= 0 for atom in axis)} or there
        found.append(there.pop() if len(there) == 1 else (Atom(-1, shape[-back]),))
    return tuple(reversed(found))


def _size(axis: Axis) -> Dim:
    if len(axis) == 1:
        return axis[0].size
    sizes = [a.size for a in axis]
    return math.prod(s for s in sizes if isinstance(s, int)) if all(isinstance(s, int) for s in sizes) else None


def reshaped(axes: Axes, shape: Sequence[Dim]) -> Axes | None:
    """The axes after a reshape to `shape`, None where extents don't divide or aren't known."""
    atoms = [a for axis in axes for a in axis if a.size != 1]
    found: list[Axis] = []
    for extent in shape:
        if extent == 1:
            found.append(())
            continue
        taken: list[Atom] = []
        left = extent
        while left != 1:
            if not atoms:
                return None
            atom = atoms.pop(0)
            if atom.size == left:
                taken.append(atom)
                break
            if not isinstance(atom.size, int) or not isinstance(left, int):
                return None
            if not atom.size or not left:
                return None
            if left % atom.size == 0:
                taken.append(atom)
                left //= atom.size
            elif atom.size % left == 0:
                rest = atom.size // left
                taken.append(Atom(atom.axis, left, atom.stride * rest))
                atoms.insert(0, Atom(atom.axis, rest, atom.stride))
                left = 1
            else:
                return None
        found.append(_joined(taken))
    return tuple(found) if not atoms else None


def _joined(atoms: Iterable[Atom]) -> Axis:
    """Neighbouring parts that make up a larger part again."""
    found: list[Atom] = []
    for atom in atoms:
        last = found[-1] if found else None
        if (
            last
            and last.axis == atom.axis
            and isinstance(atom.size, int)
            and isinstance(last.size, int)
            and last.stride == atom.size * atom.stride
        ):
            found[-1] = Atom(atom.axis, last.size * atom.size, atom.stride)
        else:
            found.append(atom)
    return tuple(found)
