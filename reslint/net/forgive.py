"""A graph in which inference gave up at a sum, and what it found, in; the same graph with sums that always have a shape out.

Behind the first sum whose sides don't fit, no other one has a shape, and only one of them would be reported at a time.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import NamedTuple

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

from reslint.net.contrib import FORGIVING, OWN, STREAM
from reslint.net.nodes import bodies_of
from reslint.net.values import STANDARD

Types = dict[str, ValueInfoProto | TensorProto]
"""What tells the type and shape of a tensor, by its name."""

Told = ValueInfoProto | TensorProto | None

_KEEPING = frozenset(
    {"Relu", "LeakyRelu", "Gelu", "Sigmoid", "Tanh", "Clip", "HardSwish", "Cast", "Dropout", "Identity"}
)
_NEAR = 4  # ops between a sum and the layer that tells how wide it has to be


class _Lost(NamedTuple):
    """A sum without a shape, the place of its input that is the stream, and whether its inputs are known not to fit."""

    node: NodeProto
    stream: int
    clashes: bool


def types_of(graph: GraphProto) -> Types:
    """What a graph itself tells of the types and shapes of its tensors."""
    return {i.name: i for part in (graph.input, graph.output, graph.value_info) for i in part}


def forgive(graph: GraphProto, told: GraphProto) -> bool:
    """Let all sums that inference gave no shape have one, in bodies as well. False where none has sides that don't fit."""
    lost = list(_lost(graph, told, {}))
    if not any(one.clashes for one in lost):
        return False
    for one in lost:
        one.node.domain = OWN
        one.node.attribute.append(helper.make_attribute(STREAM, one.stream))
    return True


def restore(graph: GraphProto) -> None:
    """Let the sums in a graph and its bodies be what they were."""
    for node in graph.node:
        if node.domain == OWN and node.attribute and node.attribute[-1].name == STREAM:
            node.domain = ""
            del node.attribute[-1]
        for body in bodies_of(node):
            restore(body)


def _lost(
    graph: GraphProto, told: GraphProto, around: Types | ChainMap[str, ValueInfoProto | TensorProto]
) -> Iterator[_Lost]:
    """The sums without a shape. The stream is what fits the layer behind the sum, else what was made first, constants last."""
    own: Types = {**types_of(told), **{t.name: t for t in graph.initializer}}
    types = ChainMap(own, around)
    made = {name: at for at, node in enumerate(graph.node) for name in node.output}
    made.update((name, len(made)) for node in graph.node if node.op_type == "Constant" for name in node.output)
    made.update((t.name, len(made)) for t in graph.initializer)
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node, after in zip(
        graph.node, told.node or graph.node, strict=True
    ):  # what is told has nodes if there are bodies
        adds = node.op_type in FORGIVING and node.domain in STANDARD and len(node.input) > 0
        if adds and not all(_shaped(types.get(o)) for o in node.output):
            wanted = next(_wanted(node.output[0], readers, types, _NEAR), None)
            fits = [wanted is not None and _extent(types.get(name), wanted[0]) == wanted[1] for name in node.input]
            stream = min(range(len(node.input)), key=lambda at: (not fits[at], made.get(node.input[at], -1)))
            yield _Lost(node, stream, _clash(types.get(name) for name in node.input))
        for body, inner in zip(bodies_of(node), bodies_of(after), strict=True):
            yield from _lost(body, inner, types)


def _wanted(
    name: str, readers: Mapping[str, Iterable[NodeProto]], types: Mapping[str, ValueInfoProto | TensorProto], left: int
) -> Iterator[tuple[int, int]]:
    """An axis of a tensor and its extent, as the weights of the layers behind it have it."""
    for reader in readers.get(name, ()) if left else ():
        weight = types.get(reader.input[1]) if len(reader.input) > 1 and reader.input[0] == name else None
        extents = _extents(weight) if weight is not None else []
        kind = reader.op_type
        if kind in _KEEPING:
            for made in reader.output[:1]:
                yield from _wanted(made, readers, types, left - 1)
        elif kind == "Conv" and len(extents) > 1:
            yield 1, extents[1] * next((a.i for a in reader.attribute if a.name == "group"), 1)
        elif kind in ("MatMul", "Gemm") and len(extents) == 2:
            yield -1, extents[1 if any(a.i for a in reader.attribute if a.name == "transB") else 0]
        elif kind in ("BatchNormalization", "LayerNormalization", "InstanceNormalization") and extents:
            yield (-1 if kind == "LayerNormalization" else 1), extents[0]


def _extent(told: Told, axis: int) -> int:
    """An extent of a tensor, 0 where it is not known."""
    extents = _extents(told) if told is not None else []
    return extents[axis] if -len(extents) <= axis < len(extents) else 0


def _shaped(told: Told) -> bool:
    return isinstance(told, TensorProto) or told is not None and told.type.tensor_type.HasField("shape")


def _clash(inputs: Iterable[Told]) -> bool:
    """Whether tensors are known not to broadcast."""
    extents = zip_longest(*(reversed(_extents(told)) for told in inputs if told is not None), fillvalue=1)
    return any(len(set(along) - {0, 1}) > 1 for along in extents)


def _extents(told: ValueInfoProto | TensorProto) -> list[int]:
    """The extents of a tensor, 0 where they are not known."""
    return list(told.dims) if isinstance(told, TensorProto) else [d.dim_value for d in told.type.tensor_type.shape.dim]
