"""`layers` finds the layers with weights in an exported program: what a plain network's gradient is told by."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass

from torch.fx import GraphModule, Node

from reslint.export.cuts import static_nodes
from reslint.net import Net, Op

# What multiplies by a weight, by the beginning of its name: sums with a table of positions and LayerScale are no layers.
_WEIGHTED = ("conv", "linear", "addmm", "mm", "matmul", "bmm", "baddbmm", "einsum", "lstm", "gru", "rnn", "embedding")
_MATRIX = 2  # axes that a weight has at least


@dataclass(frozen=True, slots=True)
class Weighted:
    """A layer: the node that holds its output, the weights that it reads, and its op in the ONNX form."""

    output: str
    parameters: tuple[str, ...]
    op: Op


def layers(program: GraphModule, net: Net) -> tuple[Weighted, ...]:
    """The layers with weights in the order in which they run; those that ONNX has no op of that name for are left out."""
    static = static_nodes(program.graph)
    shapes = {name: p.dim() for name, p in program.named_parameters()}
    found = []
    for node in program.graph.nodes:
        names = tuple(name for name in _read(node, static) if shapes.get(name, 0) >= _MATRIX)
        output = _first_output(node)
        op = net.producer.get(net.canonical(output.name)) or net.producer.get(output.name)
        if names and op is not None and _is_weighted(node) and node not in static:
            found.append(Weighted(output.name, names, op))
    return tuple(found)


def _is_weighted(node: Node) -> bool:
    name = getattr(node.target, "__name__", "")
    return node.op == "call_function" and name.startswith(_WEIGHTED)


def _first_output(node: Node) -> Node:
    """The node itself, or what takes the first of its outputs where it has several."""
    firsts = (n for n in node.users if n.target is operator.getitem and n.args[1] == 0)
    return next(firsts, node)


def _read(node: Node, static: frozenset[Node]) -> Iterator[str]:
    """The parameters that a node reads, also by way of a transposition and the like."""
    todo = [n for n in node.all_input_nodes if n in static]
    while todo:
        at = todo.pop()
        if at.op == "get_attr":
            yield str(at.target)
        todo.extend(at.all_input_nodes)
