"""Net in, the symbolic batch that a constant inside the graph fixes out: its shapes at batch 1 and at batch 2, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from onnx import NodeProto, TensorProto, helper

from reslint.net import Net, Op, from_proto
from reslint.net.weights import integers

_OTHERS = (8, 64, 224)
"""What other symbolic dimensions are set to, one after the other, until the model agrees with itself at batch 1."""

_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div", "Where", "Pow", "Max", "Min", "Equal", "And", "Or", "Less", "Greater"})


@dataclass(frozen=True, slots=True)
class Baked:
    """A symbolic dimension of an input, the op that fixes it, the constant and its value, and where the sizes then part."""

    symbol: str
    input: str
    axis: int
    op: Op
    constant: str
    value: tuple[int, ...]
    parts: Op


@lru_cache(maxsize=4)
def baked(net: Net) -> Baked | None:
    """The symbolic batch (axis 0 of an input) for which a model works at 1 and fails at 2, None where there is none.

    A batch that is merged into another axis on purpose and unmerged again never parts, nor does one that is reduced over.
    """
    found = _batch(net)
    if found is None or not any(_fixing(net)):
        return None
    name, symbol = found
    for size in _OTHERS:
        one = _resized(net, {symbol: 1}, size)
        if next(_parting(one), None) is None:
            two = _resized(net, {symbol: 2}, size)
            where = next(_parting(two), None)
            culprit = _culprit(net, one, two, where) if where is not None else None
            if where is None or culprit is None:
                return None
            op, constant = culprit
            value = integers(net, constant) or tuple(d for d in net.shape(constant) or () if isinstance(d, int))
            return Baked(symbol, name, 0, op, constant, value, net.producer[where.id])
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


def _fixing(net: Net) -> Iterator[Op]:
    """The ops that a constant may fix the batch in: a shape that starts with 1, a part that has 1 where others have a symbol."""
    for op in net.ops:
        if op.kind in ("Reshape", "Expand") and len(op.inputs) > 1:
            shape = integers(net, op.inputs[1])
            if shape and shape[0] == 1:
                yield op
        elif op.kind == "Concat" and op.integer("axis", 0) != 0:
            if any(net.is_constant(i) and (net.shape(i) or (0,))[0] == 1 for i in op.inputs):
                yield op


def _resized(net: Net, sizes: Mapping[str, int], others: int) -> Net:
    """The same net with numbers for all symbols of its inputs, and shapes inferred from nothing else."""
    inputs = [
        helper.make_tensor_value_info(
            name, net.value(name).type, [d if isinstance(d, int) else sizes.get(d or "", others) for d in shape]
        )
        for name in net.inputs
        if (shape := net.shape(name)) is not None
    ]
    nodes = [_renamed(op.proto, op.inputs) for op in net.ops]
    made = [c for c in dict.fromkeys(id(c) for c in net.constants.values()) if c]
    constants = {id(c): c for c in net.constants.values()}
    weights = [_light(constants[c], name) for c, name in zip(made, _names(net), strict=True)]
    graph = helper.make_graph(
        [*(w for w in weights if isinstance(w, NodeProto)), *nodes],
        "resized",
        inputs,
        [helper.make_empty_tensor_value_info(name) for name in net.exits if name in net.producer],
        [w for w in weights if isinstance(w, TensorProto)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(d, v) for d, v in net.opsets.items()])
    return from_proto(model, net.path)
