"""The nodes of a graph in, the same nodes in topological order out, and what bodies read from around them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from onnx import GraphProto

from reslint.errors import UnreadableModel
from reslint.net.nodes import Node, bodies_of, nodes_of


def graphs(node: Node) -> Iterator[GraphProto]:
    """The bodies of a control-flow node."""
    return bodies_of(node.proto) if node.may_hold_bodies else iter(())


def free(graph: GraphProto) -> Iterator[str]:
    """The names that a body reads from the graph around it."""
    known = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    for node in nodes_of(graph):
        for inner in graphs(node):
            yield from (name for name in free(inner) if name not in known)
        yield from (name for name in node.inputs if name and name not in known)
        known.update(node.outputs)
    yield from (o.name for o in graph.output if o.name not in known)


def in_order(nodes: Sequence[Node], known: Iterable[str]) -> Iterator[Node]:
    """The nodes in topological order: as they stand where the file is sound, else sorted. Raises UnreadableModel on a cycle."""
    ahead = {o for n in nodes for o in n.outputs if o}
    ahead.difference_update(known)
    waiting: dict[str, list[int]] = {}
    missing: dict[int, int] = {}
    for at, node in enumerate(nodes):
        reads = _reads(node)
        if not missing and ahead.isdisjoint(reads):
            ahead.difference_update(node.outputs)
            yield node
            continue
        lacks = ahead.intersection(reads)
        missing[at] = len(lacks)
        for name in lacks:
            waiting.setdefault(name, []).append(at)
    yield from _sorted(nodes, missing, waiting)


def _sorted(nodes: Sequence[Node], missing: dict[int, int], waiting: dict[str, list[int]]) -> Iterator[Node]:
    """The nodes of which so many inputs are `missing`, each when the last of them has been made."""
    queue = [at for at, lacks in missing.items() if not lacks]
    for at in queue:
        yield nodes[at]
        for name in nodes[at].outputs:
            for after in waiting.pop(name, ()):
                missing[after] -= 1
                if not missing[after]:
                    queue.append(after)
    if len(queue) < len(missing):
        stuck = next((o for at, lacks in missing.items() if lacks for o in nodes[at].outputs), "")
        raise UnreadableModel(f"is cyclic: {stuck!r} depends on itself, which ONNX forbids; export the model again")


def _reads(node: Node) -> Collection[str]:
    if not node.may_hold_bodies:
        return node.inputs
    return [*node.inputs, *(name for graph in graphs(node) for name in free(graph))]
