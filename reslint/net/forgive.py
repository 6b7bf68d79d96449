"""A graph in which inference gave up at a sum, and what it found, in; the same graph with sums that always have a shape out.

Behind the first sum whose sides don't fit, no other one has a shape, and only one of them would be reported at a time.
"""

from __future__ import annotations

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
        if node.domain == OWN:
            node.domain = ""
            del node.attribute[-1]
        for body in bodies_of(node):
            restore(body)


def _lost(graph: GraphProto, told: GraphProto, around: Mapping[str, ValueInfoProto | TensorProto]) -> Iterator[_Lost]:
    """The sums without a shape. A graph's own constants come last as streams, else what was made first is the stream."""
    types = {**around, **types_of(told), **{t.name: t for t in graph.initializer}}
    made = {name: at for at, node in enumerate(graph.node) for name in node.output}
    made.update((name, len(made)) for node in graph.node if node.op_type == "Constant" for name in node.output)
    made.update((t.name, len(made)) for t in graph.initializer)
    for node, after in zip(graph.node, told.node, strict=True):
        if (
            node.op_type in FORGIVING
            and node.domain in STANDARD
            and not all(_shaped(types.get(o)) for o in node.output)
        ):
            stream = min(range(len(node.input)), key=lambda at: made.get(node.input[at], -1))
            yield _Lost(node, stream, _clash(types.get(name) for name in node.input))
        for body, inner in zip(bodies_of(node), bodies_of(after), strict=True):
            yield from _lost(body, inner, types)


def _shaped(told: Told) -> bool:
    return isinstance(told, TensorProto) or told is not None and told.type.tensor_type.HasField("shape")


def _clash(inputs: Iterable[Told]) -> bool:
    """Whether tensors are known not to broadcast."""
    extents = zip_longest(*(reversed(_extents(told)) for told in inputs if told is not None), fillvalue=1)
    return any(len(set(along) - {0, 1}) > 1 for along in extents)


def _extents(told: ValueInfoProto | TensorProto) -> list[int]:
    """The extents of a tensor, 0 where they are not known."""
    return list(told.dims) if isinstance(told, TensorProto) else [d.dim_value for d in told.type.tensor_type.shape.dim]
