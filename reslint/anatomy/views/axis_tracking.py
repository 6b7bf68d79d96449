"""A block in, which axis of its fork each axis of its two sides is out: what no shape checker sees.

An axis is a row of atoms (reslint.anatomy.views.atoms); a reshape splits and joins atoms, a transpose moves axes, and what a
layer mixes along an axis is still that axis. So a permutation that is undone leaves no trace, whatever came between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from reslint.anatomy.graph.ops import (
    ACTIVATIONS,
    CONVS,
    FUSED_ATTENTION,
    GATHERING,
    NORMS,
    POOLING,
    RECURRENT,
    RESAMPLING,
    is_depthwise,
)
from reslint.anatomy.values import Block
from reslint.anatomy.views.atoms import Atom, Axes, Axis, mixed, origin, origins, reshaped, resized, size_of
from reslint.anatomy.views.windows import Window, cut_axes, picked, shown, turned, window
from reslint.net import Dim, Net, Op

_GIVE_UP = GATHERING | {"TopK", "NonZero", "If", "Loop", "Scan", "GatherND", "GatherElements"}
_ELEMENTWISE = ACTIVATIONS | NORMS | {"Cast", "Add", "Sub", "Mul", "Div", "Pow", "Neg", "Where"}
_PARTS = frozenset({"Slice", "Split", "Pad"})
_KEEPING = POOLING | RESAMPLING | {"Concat", "Slice", "Split", "Pad", "Expand", "Tile"}


def sides_followed(block: Block, forks: Mapping[str, str]) -> tuple[Axes, Axes] | None:
    """The axes of shortcut and branch in terms of the fork's, None where they can't be told.

    `forks` tells of the merges of other blocks where they start: the stream of an inner block keeps its axes.
    """
    net = block.net
    shape = net.shape(block.fork)
    if shape is None:
        return None
    start = {block.fork: tuple([(Atom(k, d),) for k, d in enumerate(shape)])}
    short = followed(net, _completed(net, block.shortcut), start).get(block.sides[0])
    inner = {merge: forks.get(merge, "") for merge in block.inner}
    long = followed(net, block.branch, start, inner).get(block.sides[1])
    return None if short is None or long is None or len(short) != len(long) else (short, long)


def _completed(net: Net, ops: Sequence[Op]) -> Iterator[Op]:
    """A shortcut's ops, and beside the part that its way leads through the other parts that a concatenation puts together."""
    known = {op.id for op in ops}
    for op in ops:
        parts = (net.producer.get(i) for i in op.inputs) if op.type == "Concat" else ()
        yield from (part for part in parts if part is not None and part.type in _PARTS and part.id not in known)
        yield op


def followed(
    net: Net, ops: Iterable[Op], start: Mapping[str, Axes], inner: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Axes]:
    """The axes of all that ops make of tensors of known axes, as far as they can be told."""
    known = dict(start)
    windows: dict[str, Window] = {}
    for op in ops:
        if op.id in inner:
            there = known.get(inner[op.id])
            if there is not None and net.shape(op.id) == net.shape(inner[op.id]):
                known[op.id] = there
            continue
        given = [known.get(i) for i in op.inputs]
        if op.type in _GIVE_UP or not any(g is not None for g in given):
            continue
        marked = _marked(net, op, known, windows)
        if marked is not None:
            known[op.id] = marked
            continue
        for output in op.outputs:
            axes = _through(net, op, given, output)
            if axes is not None:
                known[output] = axes
    return known


def _marked(net: Net, op: Op, known: Mapping[str, Axes], windows: dict[str, Window]) -> Axes | None:
    """The axes behind an op that gives a tensor back in another order, or only in part; None where it does neither."""
    shape = net.shape(op.id)
    opened = window(net, op, windows)
    if opened is None or shape is None:
        main = known.get(op.inputs[0])
        return turned(net, op, main) if main is not None else None
    source, extent = known.get(opened.source), shape[opened.axis]
    marked = shown(opened, source, extent) if source is not None and isinstance(extent, int) else None
    if marked is None:
        windows[op.id] = opened
    return marked


def _through(net: Net, op: Op, given: Sequence[Axes | None], output: str) -> Axes | None:
    """The axes of an output, by what its op does to those that it is given."""
    shape = net.shape(output)
    main = next((g for g in given if g is not None), None)
    if shape is None or main is None:
        return None
    match op.type:
        case "Transpose":
            perm = op.integers("perm") or tuple(reversed(range(len(main))))
            return tuple([main[p] for p in perm]) if sorted(perm) == list(range(len(main))) else None
        case "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze":
            return reshaped(main, shape)
        case "MatMul" | "FusedMatMul" if len(given) > 1:
            return _product(given, shape)
        case "Einsum":
            return _einsum(op, given, shape)
        case "Gather":
            return _gathered(net, op, main, shape)
        case "Gemm":
            return (main[0], mixed(main[-1], shape[-1])) if given[0] is main and not op.integer("transA", 0) else None
        case kind if kind in RECURRENT:
            return _recurrent(main, shape) if not op.integer("layout", 0) else None
    if op.type in FUSED_ATTENTION:
        return (*main[:-1], mixed(main[-1], shape[-1])) if given[0] is main and len(main) == len(shape) else None
    return _kept(net, op, given, shape)


def _kept(net: Net, op: Op, given: Sequence[Axes | None], shape: Sequence[Dim]) -> Axes:
    """The axes behind an op that leaves them where they are."""
    main = next((g for g in given if g is not None), ())
    if len(shape) != len(main):
        return _broadcast(given, shape)
    if op.type in CONVS and len(main) > 1:
        return _convolved(net, op, main, shape)
    if op.type == "Slice" and (cut := cut_axes(net, op)) is not None:
        places = {axis % len(main) for axis in cut}
        return tuple([resized(a, d) if k in places else a for k, (a, d) in enumerate(zip(main, shape, strict=True))])
    if op.type not in _KEEPING and len(op.data) < 2 and op.inputs[0] in op.data:
        return main if op.type in _ELEMENTWISE else tuple([resized(a, d) for a, d in zip(main, shape, strict=True)])
    if op.type in _KEEPING:
        return tuple([resized(a, d) for a, d in zip(main, shape, strict=True)])
    return _broadcast(given, shape)


def _convolved(net: Net, op: Op, main: Axes, shape: Sequence[Dim]) -> Axes:
    """Channels are mixed, unless each has its own kernel; positions keep theirs where the extent stays."""
    channels = resized(main[1], shape[1]) if is_depthwise(net, op) else mixed(main[1], shape[1])
    return (main[0], channels, *[resized(a, d) for a, d in zip(main[2:], shape[2:], strict=True)])


def _recurrent(main: Axes, shape: Sequence[Dim]) -> Axes | None:
    """Time, directions, batch, features; a layer that reads time backwards gives it in the order that it came in."""
    if len(main) != 3 or len(shape) != 4:
        return None
    return (main[0], () if shape[1] == 1 else (Atom(-1, shape[1]),), main[1], mixed(main[2], shape[3]))


def _product(given: Sequence[Axes | None], shape: Sequence[Dim]) -> Axes | None:
    """Rows come from the first factor, columns from the second; a product with weights keeps the axis that it mixes."""
    first, second = given[0], given[1]
    if first is not None and second is not None:
        if len(first) < 2 or len(second) < 2 or len(first) != len(shape):
            return None
        return (*first[:-1], second[-1]) if second[-1] else None
    if first is not None:
        return (*first[:-1], mixed(first[-1], shape[-1])) if len(first) == len(shape) else None
    return (
        (*second[:-2], mixed(second[-2], shape[-2]), second[-1]) if second and len(second) == len(shape) > 1 else None
    )


def _einsum(op: Op, given: Sequence[Axes | None], shape: Sequence[Dim]) -> Axes | None:
    """Each letter of the result is the axis that has it in a factor; a new letter is the one axis that is summed over."""
    read, arrow, made = op.text("equation").replace(" ", "").partition("->")
    terms = read.split(",")
    if not arrow or "." in read or len(terms) != len(given) or len(made) != len(shape):
        return None
    letters: dict[str, Axis] = {}
    for term, axes in zip(terms, given, strict=True):
        for letter, axis in zip(term, axes or (), strict=False):
            letters.setdefault(letter, axis)
    gone = [letters[letter] for letter in letters if letter not in made]
    new = mixed(gone[0], None) if len(gone) == 1 and sum(letter not in letters for letter in made) == 1 else ()
    return tuple(
        [
            letters[c] if c in letters else tuple([Atom(a.axis, d) for a in new]) or (Atom(-1, d),)
            for c, d in zip(made, shape, strict=True)
        ]
    )


def _gathered(net: Net, op: Op, main: Axes, shape: Sequence[Dim]) -> Axes | None:
    axis = op.integer("axis", 0) % max(len(main), 1)
    indices = net.shape(op.inputs[1])
    if indices == ():
        return main[:axis] + main[axis + 1 :]
    if len(main) != len(shape):
        return None
    moved = picked(net, op, main[axis])
    return tuple(
        [
            moved if moved is not None and k == axis else resized(a, d)
            for k, (a, d) in enumerate(zip(main, shape, strict=True))
        ]
    )


def _broadcast(given: Iterable[Axes | None], shape: Sequence[Dim]) -> Axes:
    """What several inputs agree on, axis by axis, from the right."""
    found: list[Axis] = []
    known = [g for g in given if g is not None]
    for back in range(1, len(shape) + 1):
        there = {g[-back] for g in known if len(g) >= back and size_of(g[-back]) != 1}
        there = {axis for axis in there if any(atom.axis >= 0 for atom in axis)} or there
        found.append(_agreed(there, shape[-back]))
    return tuple(reversed(found))


def _agreed(axes: set[Axis], size: Dim) -> Axis:
    """The axis that several inputs share; where they share it in several orders, as a stream and its past do, in its own."""
    if len(axes) == 1:
        return next(iter(axes))
    known = {origin(axis) for axis in axes}
    return (Atom(known.pop(), size),) if len(known) == 1 and all(origins(a) for a in axes) else (Atom(-1, size),)
