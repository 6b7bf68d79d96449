"""A graph in, its nodes out with their fields read once: each look into a protobuf message from Python makes an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from onnx import FunctionProto, GraphProto, NodeProto

from reslint.errors import UnreadableModel
from reslint.net.values import STANDARD

_WITH_BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})


class Node(NamedTuple):
    """What a NodeProto says. The domain of ONNX's own operators is empty, however the file spells it."""

    proto: NodeProto
    type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def may_hold_bodies(self) -> bool:
        """Whether a node is one of control flow, or of an operator that nobody here knows."""
        return self.type in _WITH_BODIES or bool(self.domain)


def nodes_of(graph: GraphProto | FunctionProto) -> list[Node]:
    """The nodes of a graph, or of a function, as they stand. Raises UnreadableModel where a name is no text."""
    found = [node_of(proto) for proto in graph.node]
    refuse_bytes(chain.from_iterable((n.type, n.domain, *n.inputs, *n.outputs) for n in found))
    refuse_bytes(n.proto.name for n in found)
    return found


def node_of(proto: NodeProto) -> Node:
    """The fields of a node."""
    domain = proto.domain
    given, made = tuple(proto.input), tuple(proto.output)
    return Node(proto, proto.op_type, "" if domain in STANDARD else domain, given, made)


def refuse_bytes(names: Iterable[object]) -> None:
    """Raise UnreadableModel where a name is no text: protobuf hands out bytes where a string is not UTF-8."""
    if not set(map(type, names)) <= {str}:
        raise UnreadableModel("is damaged: a name in its graph is not text; fetch it again")


def every_node(graph: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    """All nodes of a graph, or of a function, and of the bodies in it."""
    for node in graph.node:
        yield node
        for body in bodies_of(node):
            yield from every_node(body)


def bodies_of(node: NodeProto) -> Iterator[GraphProto]:
    """The bodies that a node holds."""
    for attribute in node.attribute:
        yield from (attribute.g,) if attribute.HasField("g") else attribute.graphs
