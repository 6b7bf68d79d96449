"""The nodes of a graph in, the same nodes in topological order out, and what bodies read from around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onnx import GraphProto, NodeProto

from reslint.errors import UnreadableModel
from reslint.net.values import STANDARD

_WITH_BODIES = frozenset({"If", "Loop", "Scan", "SequenceMap"})


def may_hold_bodies(node: NodeProto) -> bool:
    """Whether a node is one of control flow, or of an operator that nobody here knows."""
    return node.op_type in _WITH_BODIES or node.domain not in STANDARD


def graphs(node: NodeProto) -> Iterator[GraphProto]:
    """The bodies of a control-flow node."""
    if may_hold_bodies(node):
        for a in node.attribute:
            yield from (a.g,) if a.HasField("g") else a.graphs


def free(graph: GraphProto) -> Iterator[str]:
    """The names that a body reads from the graph around it."""
    known = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    for node in graph.node:
        for inner in graphs(node):
            yield from (name for name in free(inner) if name not in known)
        yield from (name for name in node.input if name and name not in known)
        known.update(node.output)
    yield from (o.name for o in graph.output if o.name not in known)


def in_order(nodes: Iterable[NodeProto], known: set[str]) -> Iterator[NodeProto]:
    """The nodes in topological order: as they stand where the file is sound, else sorted. Raises UnreadableModel on a cycle."""
    nodes = list(nodes)
    makes = {o for n in nodes for o in n.output if o}
    waiting: dict[str, list[int]] = {}
    missing = [0] * len(nodes)
    ready: list[int] = []
    for at, node in enumerate(nodes):
        lacks = {i for i in _reads(node) if i in makes and i not in known}
        missing[at] = len(lacks)
        if not lacks and not ready:
            known.update(node.output)
            yield node
            continue
        for name in lacks:
            waiting.setdefault(name, []).append(at)
        ready.append(at)
    queue = [at for at in ready if not missing[at]]
    left = len(ready)
    for at in queue:
        left -= 1
        yield nodes[at]
        for name in nodes[at].output:
            for after in waiting.pop(name, ()):
                missing[after] -= 1
                if not missing[after]:
                    queue.append(after)
    if left:
        stuck = next((o for at in ready if missing[at] for o in nodes[at].output), "")
        raise UnreadableModel(f"is cyclic: {stuck!r} depends on itself, which ONNX forbids; export the model again")


def _reads(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for graph in graphs(node):
        yield from free(graph)
