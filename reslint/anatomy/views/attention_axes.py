"""A block in, attention whose weights are normalized over one axis and summed over another out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reslint.anatomy.graph.ops import LAYOUT, PRODUCTS, is_interaction
from reslint.anatomy.values import Block
from reslint.anatomy.views.atoms import Atom, Axes, Axis, origins
from reslint.anatomy.views.axis_tracking import followed
from reslint.net import Net, Op

_SCORING = LAYOUT | {"Mul", "Div", "Add", "Sub", "Where", "Clip", "Tanh", "Slice"}
_KEEPING = LAYOUT | {"Dropout", "Where"}
_NEAR = 12  # ops between scores and their softmax, or between the softmax and the product that uses it, at most


class Unsummed(NamedTuple):
    """A softmax over the axis `over` of its output, and the product that sums over the axis `along` of it instead."""

    softmax: Op
    product: Op
    over: int
    along: int


def unsummed(block: Block) -> Iterator[Unsummed]:
    """The softmaxes of a branch's attention that the next product does not sum over.

    Weights that add up to one along an axis are meant to be summed along it. What renormalizes them first (slot attention),
    or is no product of queries and keys (soft assignments), is another thing.
    """
    for op in block.branch:
        shape = block.net.shape(op.id) if op.type == "Softmax" else None
        if not shape or not _is_scored(block.net, op):
            continue
        over = op.integer("axis", -1) % len(shape)
        start = tuple([(Atom(k, d),) for k, d in enumerate(shape)])
        for product, along in _summed(block.net, op, start):
            if shape[over] != 1 and along not in (-1, over):
                yield Unsummed(op, product, over, along)


def _is_scored(net: Net, softmax: Op) -> bool:
    """Whether what a softmax reads is a product of two data tensors, scaled and masked."""
    todo = list(softmax.data)
    for _ in range(_NEAR):
        op = net.producer.get(todo.pop(0)) if todo else None
        if op is None:
            continue
        if is_interaction(net, op):
            return True
        if op.type in _SCORING:
            todo += op.data
    return False


def _summed(net: Net, softmax: Op, start: Axes) -> Iterator[tuple[Op, int]]:
    """The products that a softmax's output reaches as it is, and which axis of it each sums over, -1 where unclear."""
    known = {softmax.id: start}
    todo = [softmax.id]
    for _ in range(_NEAR):
        name = todo.pop(0) if todo else ""
        for op in net.consumers.get(name, ()):
            if op.type in PRODUCTS:
                axis = _contracted(op, op.inputs.index(name), known[name])
                yield op, _only(axis)
            elif op.type in _KEEPING or op.type in ("Mul", "Div") and len(op.data) == 1:
                known |= followed(net, (op,), known)
                todo += [o for o in op.outputs if o in known]


def _contracted(op: Op, at: int, axes: Axes) -> Axis:
    """The axis of a factor that a product sums over; nothing where that is not known."""
    if op.type == "MatMul" and at < 2 and len(axes) > 1:
        return axes[-1] if at == 0 else axes[-2]
    if op.type == "Einsum":
        read, _, made = op.text("equation").replace(" ", "").partition("->")
        term = read.split(",")[at]
        gone = [axis for letter, axis in zip(term, axes, strict=False) if letter not in made]
        return gone[0] if len(gone) == 1 and "." not in term and len(term) == len(axes) else ()
    return ()


def _only(axis: Axis) -> int:
    found = origins(axis)
    return next(iter(found)) if len(found) == 1 else -1
