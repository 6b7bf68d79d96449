"""Which op holds a symbol to one size: where a constant takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reslint.anatomy.sizes.call import Kind
from reslint.anatomy.sizes.trial import Trial
from reslint.anatomy.sizes.verdict import Fixed, cuts, swept
from reslint.net import Net, Op
from reslint.net.weights import integers

_TARGETED = frozenset({"Reshape", "Expand", "ConstantOfShape", "Tile"})  # the ops that read the shape that they make
_FAR = 4096  # ops that are looked through


class Culprit(NamedTuple):
    """The op that fixes a symbol, and the constant by which it does: its name, and its elements or else its shape."""

    op: Op
    net: Net
    constant: str
    value: tuple[int, ...]


def culprit(trial: Trial, held: Fixed) -> Culprit:
    """The op that fixes a symbol: the one that fails, unless a constant took the symbol's place before it."""
    failure = held.failure
    return (
        _own(failure.net, failure.op, failure.kind, failure.names)
        or next(_cutting(trial, held), None)
        or next(_replacing(trial, held), None)
        or next(_losing(trial, held), None)
        or Culprit(failure.op, failure.net, *_input(failure.net, failure.names))
    )


def _own(net: Net, op: Op, kind: Kind, names: tuple[str, str]) -> Culprit | None:
    """An op that reads the constant itself: a weight, a table, a new shape."""
    if op.type in _TARGETED:
        target = _target(net, op)
        return Culprit(op, net, *target) if target is not None else None
    for name in names:
        if net.is_constant(name):
            return Culprit(op, net, name, tuple(d for d in net.shape(name) or () if isinstance(d, int)))
    return None


def _target(net: Net, op: Op) -> tuple[str, tuple[int, ...]] | None:
    """The constant in the shape that an op makes; of a joined one the first part that is."""
    name = op.inputs[-1] if op.inputs else ""
    for _ in range(8):
        known = integers(net, name)
        if known:
            return name, known
        maker = net.producer.get(name)
        if maker is None or not maker.inputs:
            return None
        fixed = [i for i in maker.inputs if net.is_constant(i)] if maker.type == "Concat" else []
        name = fixed[0] if fixed else maker.inputs[0]
    return None


def _replacing(trial: Trial, held: Fixed) -> Iterator[Culprit]:
    """The first op before the one that fails whose new shape has the constant where the symbol was."""
    net, size = held.failure.net, held.works[-1]
    for op in _behind(net, held.failure.op):
        if op.type in _TARGETED and len(op.inputs) > 1:
            target = _target(net, op)
            if (
                target is not None
                and size in target[1]
                and _symbol(trial, net, op.inputs[0], held) > _symbol(trial, net, op.id, held)
            ):
                yield Culprit(op, net, *target)


def _losing(trial: Trial, held: Fixed) -> Iterator[Culprit]:
    """The last op before the one that fails that reads the symbol and makes a shape without it."""
    net = held.failure.net
    for op in reversed(_behind(net, held.failure.op)):
        if op is not held.failure.op and not _depends(trial, net, op.id, held):
            reads = [i for i in op.inputs if i and _depends(trial, net, i, held)]
            target = _target(net, op) if reads and op.type in (*_TARGETED, "Slice", "Gather") else None
            if target is not None:
                yield Culprit(op, net, *target)


def _cutting(trial: Trial, held: Fixed) -> Iterator[Culprit]:
    """The slice that cuts one side to a constant length."""
    for name in held.failure.names:
        for op in cuts(trial, held.failure.net, name, held.sweep):
            ends = op.integers("ends") or (integers(held.failure.net, op.inputs[2]) if len(op.inputs) > 2 else None)
            yield Culprit(op, held.failure.net, op.inputs[2] if ends and len(op.inputs) > 2 else "", ends or ())


def _symbol(trial: Trial, net: Net, name: str, held: Fixed) -> int:
    """How many axes of a tensor have the symbol's own extent."""
    extents = trial.extents(net, name) or ()
    return sum(np.array_equal(swept(d, held.sweep), held.sweep.sizes) for d in extents)


def _depends(trial: Trial, net: Net, name: str, held: Fixed) -> bool:
    for extent in trial.extents(net, name) or ():
        column = swept(extent, held.sweep)
        if (column[~np.isnan(column)] != column[0]).any():
            return True
    return False


def _behind(net: Net, where: Op) -> tuple[Op, ...]:
    """The ops that an op depends on, in the graph's order."""
    found: dict[str, Op] = {}
    todo = [where]
    while todo and len(found) < _FAR:
        op = todo.pop()
        if op.id not in found:
            found[op.id] = op
            todo.extend(net.producer[i] for i in op.inputs if i in net.producer)
    return tuple(sorted(found.values(), key=lambda op: op.place))


def _input(net: Net, names: tuple[str, str]) -> tuple[str, tuple[int, ...]]:
    """Where no constant was found: an input with a size of its own, or nothing."""
    for name in names:
        source = name
        for _ in range(64):
            if source in net.inputs:
                shape = net.shape(source) or ()
                if any(isinstance(d, int) for d in shape):
                    return source, tuple(d for d in shape if isinstance(d, int))
                break
            op = net.producer.get(source)
            source = next(iter(op.data), "") if op is not None else ""
    return "", ()
