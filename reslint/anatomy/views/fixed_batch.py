"""Net in, the symbolic batch that a constant inside the graph fixes out: its shapes at batch 1 and at batch 2, compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from onnx import NodeProto, TensorProto, helper

from reslint.net import Net, Op, Shape
from reslint.net.build import build
from reslint.net.weights import integers

_OTHERS = (8, 64, 224)
"""What other symbolic dimensions are set to, one after the other, until the model agrees with itself at batch 1."""

_TRIED = 2  # sizes that are tried
_LARGEST = 64  # batches that somebody exports with

_ELEMENTWISE = frozenset(
    {"Add", "Sub", "Mul", "Div", "Where", "Pow", "Max", "Min", "Equal", "And", "Or", "Less", "Greater"}
)


@dataclass(frozen=True, slots=True)
class Baked:
    """A symbolic dimension of an input, the size that a constant of an op fixes it to, and where sizes part at the next one."""

    symbol: str
    input: str
    axis: int
    size: int
    op: Op
    constant: str
    value: tuple[int, ...]
    parts: Op


@lru_cache(maxsize=1)
def baked(net: Net) -> Baked | None:
    """The symbolic batch (axis 0 of an input) for which a model works at one size and fails at the next.

    A batch that is merged into another axis on purpose and unmerged again never parts, nor does one that is reduced over.
    """
    found = _batch(net)
    if found is None:
        return None
    for size, _ in Counter(_fixing(net)).most_common(_TRIED):
        for others in _OTHERS:
            here = _resized(net, {found[1]: size}, others)
            if next(_parting(here), None) is None:
                there = _resized(net, {found[1]: size + 1}, others)
                where = next(_parting(there), None)
                culprit = _culprit(net, here, there, where, size) if where is not None else None
                if where is not None and culprit is not None:
                    op, constant = culprit
                    value = integers(net, constant) or tuple(d for d in net.shape(constant) or () if isinstance(d, int))
                    return Baked(found[1], found[0], 0, size, op, constant, value, net.producer[where.id])
                break
    return None


def is_baked(net: Net, dim: object) -> bool:
    """Whether a dimension is the one that a constant fixes, so that what it breaks has been told."""
    found = baked(net)
    return found is not None and dim == found.symbol


def _batch(net: Net) -> tuple[str, str] | None:
    """The first input with a symbolic first axis, and the symbol."""
    for name in net.inputs:
        shape = net.shape(name)
        if shape and isinstance(shape[0], str) and shape[0] in net.symbols:
            return name, shape[0]
    return None


def _fixing(net: Net) -> Iterator[int]:
    """The sizes that constants may fix the batch to: a shape begins with them, or a part of a concatenation does."""
    for op in net.ops:
        if op.kind in ("Reshape", "Expand") and len(op.inputs) > 1:
            size, _ = _leading(net, op.inputs[1])
            if 0 < size <= _LARGEST:
                yield size
        elif op.kind == "Concat" and op.integer("axis", 0):
            for name in op.inputs:
                first = (net.shape(name) or (None,))[0] if net.is_constant(name) else None
                if isinstance(first, int):
                    yield first


def _leading(net: Net, name: str) -> tuple[int, str]:
    """The first number of a shape, and the constant that holds it; -1 where it is computed."""
    known = integers(net, name)
    if known:
        return known[0], name
    op = net.producer.get(name)
    return _leading(net, op.inputs[0]) if op is not None and op.kind == "Concat" else (-1, "")


def _resized(net: Net, sizes: Mapping[str, int], others: int) -> Net:
    """The same net with numbers for all symbols of its inputs, and shapes inferred from nothing else."""
    sized = {
        name: [d if isinstance(d, int) else sizes.get(d or "", others) for d in shape]
        for name in net.inputs
        if (shape := net.shape(name)) is not None
    }
    inputs = [helper.make_tensor_value_info(n, net.value(n).type or 1, sized.get(n)) for n in net.inputs]
    constants = tuple(net.constants.values())
    graph = helper.make_graph(
        [
            *{id(c): c for c in constants if isinstance(c, NodeProto)}.values(),
            *(_renamed(op, sized) for op in net.ops),
        ],
        "resized",
        inputs,
        [helper.make_empty_tensor_value_info(name) for name in net.exits if name in net.producer],
        [c for c in constants if isinstance(c, TensorProto)],
    )
    domains = [helper.make_opsetid(domain, version) for domain, version in net.opsets.items()]
    return build(helper.make_model(graph, opset_imports=domains), net.path, net.unread)


def _renamed(op: Op, sized: Mapping[str, Sequence[int]]) -> NodeProto:
    """A node that reads what is behind the no-ops before it; the shape of an input as a constant."""
    node = NodeProto()
    node.CopyFrom(op.proto)
    node.input[:] = op.inputs
    if op.kind == "Shape" and op.inputs[0] in sized:
        shape = sized[op.inputs[0]]
        shape = shape[op.integer("start", 0) : op.integer("end", len(shape))]
        return helper.make_node("Constant", [], [op.id], value_ints=shape) if shape else node
    return node


def _parting(net: Net) -> Iterator[Op]:
    """The ops whose inputs do not fit together, as far as their sizes are known."""
    for op in net.ops:
        shapes = [net.shape(i) for i in op.inputs if i]
        if op.kind in _ELEMENTWISE:
            sound = _fits(shapes)
        elif op.kind == "MatMul":
            sound = _fits([s and s[:-2] for s in shapes])
        elif op.kind == "Concat":
            sound = len({_without(s, op.integer("axis", 0)) for s in shapes if s and _known(s)}) < 2
        else:
            sound = op.kind != "Reshape" or _holds(net, op)
        if not sound:
            yield op


def _holds(net: Net, op: Op) -> bool:
    made, given = net.value(op.id).size, net.value(op.inputs[0]).size
    return made is None or given is None or made == given


def _fits(shapes: Sequence[Shape | None]) -> bool:
    """Whether shapes broadcast, where they are known."""
    for dims in zip_longest(*(tuple(reversed(s)) for s in shapes if s is not None), fillvalue=1):
        if len({d for d in dims if isinstance(d, int) and d != 1}) > 1:
            return False
    return True


def _known(shape: Shape) -> bool:
    return all(isinstance(d, int) for d in shape)


def _without(shape: Shape, axis: int) -> Shape:
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def _culprit(net: Net, here: Net, there: Net, where: Op, size: int) -> tuple[Op, str] | None:
    """The first op before the one where sizes part that puts a constant where the batch was, and the constant."""
    if where.kind == "Concat":
        for name in where.inputs:
            if there.is_constant(name) and (there.shape(name) or (0,))[0] == size:
                return net.producer[where.id], name
    behind: set[str] = set()
    todo = [where]
    while todo:
        op = todo.pop()
        if op.id not in behind:
            behind.add(op.id)
            todo.extend(there.producer[i] for i in op.inputs if i in there.producer)
    for op in there.ops:
        if op.id in behind and op.kind == "Reshape":
            first, constant = _leading(net, net.producer[op.id].inputs[1])
            before, now = here.value(op.inputs[0]).size, there.value(op.inputs[0]).size
            if first == size and before and now and now * size == before * (size + 1):
                return net.producer[op.id], constant
    return None
