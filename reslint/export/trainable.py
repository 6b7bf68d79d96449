"""`trainable` makes a module that can be trained of an exported program: as it is, or with all of its shortcuts cut."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.fx import Graph, GraphModule, Node

from reslint.errors import ExportFailed
from reslint.export.cuts import Cut
from reslint.export.twin import NORMALIZED, NORMALIZING

_ATEN = torch.ops.aten


def trainable(program: GraphModule, cuts: Iterable[Cut], *, cut: bool) -> GraphModule:
    """A module over the same parameters, called with the leaves of what the program is called with.

    Batch normalization takes the statistics of the batch, as in training; where shortcuts are cut, zeros come at their ends.
    """
    graph = Graph()
    graph.output(graph.graph_copy(program.graph, {}))
    ends = {c.merge: c.at for c in cuts} if cut else {}
    for node in tuple(graph.nodes):
        if node.op == "call_module" and not node.users:
            graph.erase_node(node)  # checks of the inputs, which stay as they are
        elif node.target is NORMALIZED:
            _normalizing(node)
        elif node.target is _ATEN.view.default:  # of what lies in memory otherwise where gradients are on
            node.target = _ATEN.reshape.default
        if node.name in ends:
            _cut(graph, node, ends[node.name])
    return GraphModule(program, graph)


def _normalizing(node: Node) -> None:
    """Let a batch normalization take the statistics of the batch."""
    x, weight, bias, _, _, momentum, epsilon = node.args
    if isinstance(x, Node) and (shape := x.meta["val"].shape).numel() == shape[1]:
        raise ExportFailed("has a batch normalization over a single value: measure it with a larger batch")
    node.target = NORMALIZING
    node.args = (x, weight, bias, None, None, True, momentum, epsilon)


def _cut(graph: Graph, node: Node, at: int) -> None:
    with graph.inserting_before(node):
        zeros = graph.call_function(_ATEN.zeros_like.default, (node.args[at],))
    node.args = (*node.args[:at], zeros, *node.args[at + 1 :])
