"""An anatomy and the program that it was made of in; where the program takes each block's shortcut, and its parameters, out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch.fx import Graph, Node

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.views.source import module_of
from reslint.errors import ExportFailed

_ATEN = torch.ops.aten
_SUMS = (_ATEN.add.Tensor, _ATEN.sub.Tensor)  # in ONNX their operands stand in the same order
_UNCHANGED = (  # what ONNX has no op for
    _ATEN.clone.default,
    _ATEN.alias.default,
    _ATEN.detach.default,
    _ATEN.lift_fresh_copy.default,
    _ATEN._to_copy.default,
    _ATEN.dropout.default,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the shortcut of a block ends: operand `at` of the node `merge`. `fork` is the node that feeds both sides."""

    block: Block
    merge: str
    at: int
    fork: str
    parameters: tuple[str, ...]


def cuts(anatomy: Anatomy, graph: Graph) -> tuple[tuple[Cut, ...], tuple[tuple[Block, str], ...]]:
    """The cuts from the first block to the last one, and the blocks that no cut can be made for, with the reason.

    The exporter gives the first output of what it makes of a node the node's name; nothing else of the names is used.
    Raises ExportFailed for a sum that no node of the program is.
    """
    nodes = {_name(node): node for node in graph.nodes}
    static = static_nodes(graph)
    left = tuple((block, why) for block in anatomy.blocks if (why := _left(block, anatomy)))
    out = {block.merge.id for block, _ in left}
    found = [_cut(block, nodes, static) for block in anatomy.blocks if block.merge.id not in out]
    order = {node.name: place for place, node in enumerate(graph.nodes)}
    return tuple(sorted(found, key=lambda cut: (order[cut.fork], order[cut.merge]))), left


def _left(block: Block, anatomy: Anatomy) -> str:
    """Why the shortcut of a block is no summand that can be taken away."""
    if block.kind is Kind.DENSE:
        return "it concatenates, so that there is no sum to take the shortcut from"
    return "" if block.net is anatomy.net else "it lies in the body of a loop or a branch"


def _cut(block: Block, nodes: Mapping[str, Node], static: frozenset[Node]) -> Cut:
    merge, shortcut = _made(nodes.get(block.merge.id)), _shortcut(block)
    at = _operand(block, merge, shortcut) if merge is not None else None
    if merge is None or at is None:
        what = f"{block.merge.id!r}" + (f" of {module_of(block.merge)}" if module_of(block.merge) else "")
        inside = f", a part of {merge.target}" if merge is not None else ""
        raise ExportFailed(f"the shortcut of the merge {what}{inside} can't be found in the exported program")
    if block.fork not in nodes:
        raise ExportFailed(
            f"the fork {block.fork!r} of the merge {merge.name!r} can't be found in the exported program"
        )
    return Cut(block, merge.name, at, nodes[block.fork].name, tuple(_parameters(block, nodes, static)))


def _made(node: Node | None) -> Node | None:
    """What made a value: the export may call it after a later node that leaves it as it is, such as an idle dropout."""
    while node is not None and node.target in _UNCHANGED and isinstance(node.args[0], Node):
        node = node.args[0]
    return node


def _shortcut(block: Block) -> str:
    """The tensor that the shortcut brings; where a gate mixes the sides, the one that is a product of the stream."""
    if block.kind is not Kind.GATED:
        return block.sides[0]
    stream = {block.fork, *(op.id for op in block.shortcut)}
    makers = {side: block.net.producer.get(side) for side in block.sides}
    found = [side for side, op in makers.items() if op is not None and op.type == "Mul" and stream & {*op.inputs}]
    return found[0] if len(found) == 1 else ""


def _operand(block: Block, merge: Node, shortcut: str) -> int | None:
    """The place of a shortcut among the operands of its merge, None where it is none of them."""
    for at, operand in enumerate(merge.args):
        if isinstance(operand, Node) and shortcut in _names(operand):
            return at
    if merge.target in _SUMS and shortcut in block.merge.inputs:  # `alpha` has made a node of its own in between
        return block.merge.inputs.index(shortcut)
    return None


def _name(node: Node) -> str:
    """What ONNX calls a node's value; inputs and parameters keep their own names there."""
    return str(node.target) if node.op in ("placeholder", "get_attr") else node.name


def _names(node: Node) -> Iterator[str]:
    """What a value is called, seen through what leaves it as it is."""
    yield _name(node)
    while node.target in _UNCHANGED and isinstance(node.args[0], Node):
        node = node.args[0]
        yield _name(node)


def _parameters(block: Block, nodes: Mapping[str, Node], static: frozenset[Node]) -> Iterable[str]:
    """The names of the parameters that the ops of a block read, also by way of a transposition and the like."""
    outputs = (name for op in (*block.branch, *block.shortcut) for name in op.outputs)
    todo = [nodes[name] for name in outputs if name in nodes]
    found: dict[str, None] = {}
    while todo:
        node = todo.pop()
        if node.target is operator.getitem:
            todo.extend(n for n in node.all_input_nodes)
        elif node.op == "get_attr":
            found[str(node.target)] = None
        else:
            todo.extend(n for n in node.all_input_nodes if n in static)
    return sorted(found)


def static_nodes(graph: Graph) -> frozenset[Node]:
    """The nodes that depend on no input."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op == "get_attr" or node.op == "call_function" and all(n in found for n in node.all_input_nodes):
            found.add(node)
    return frozenset(found)
