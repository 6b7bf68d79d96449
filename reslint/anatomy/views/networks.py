"""A net and its residual skeleton as networkx graphs, whose attributes docs/graphs.md promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

import networkx as nx
from onnx import TensorProto

from reslint.anatomy.metrics.depth import layers
from reslint.anatomy.values import Block, Merge, Role
from reslint.anatomy.views.source import where
from reslint.net import Net, Op, Shape

if TYPE_CHECKING:
    from reslint.anatomy.anatomy import Anatomy

JOINS = frozenset({Role.UNET, Role.FPN, Role.FUSE, Role.BRANCH, Role.SLICES})
"""The roles of merges that are nodes of the skeleton. The others are arithmetic inside a layer."""

OUTPUT = "output:"
"""What the key of an output begins with: an output may be a merge, too, under its own name."""

Ways = Mapping[str, tuple[int, int]]
"""The nodes that the stream at a tensor comes from, with the most and the fewest weighted layers since."""


class Tensor(TypedDict):
    """What is told of every tensor."""

    shape: Shape | None
    dtype: str | None


class Place(TypedDict):
    """Where the user's code makes an op."""

    node: str
    module: str | None
    source: str | None


def ops(anatomy: Anatomy) -> nx.DiGraph[str]:
    """The inputs and ops of the outermost net, each under the name of its first output; an edge carries tensors."""
    net = anatomy.net
    graph: nx.DiGraph[str] = nx.DiGraph(path=str(net.path), inputs=net.inputs, outputs=tuple(sorted(net.exits)))
    branches = {op.id: block.merge.id for block in reversed(anatomy.blocks) if block.net is net for op in block.branch}
    merges = _merges(anatomy)
    macs = anatomy.cost.by_op or {}
    for name in net.inputs:
        graph.add_node(name, op="Input", role=None, block=None, macs=0, **_tensor(net, name), **_NOWHERE)
    for op in net.ops:
        role = _role(merges[op.id]) if op.id in merges else None
        block = branches.get(op.id)
        found = macs.get(op.id, 0)
        graph.add_node(op.id, op=op.kind, role=role, block=block, macs=found, **_tensor(net, op.id), **_place(op))
    for op in net.ops:
        read = [(net.producer[name].id if name in net.producer else name, name) for name in (*op.inputs, *op.captured)]
        for giver in dict.fromkeys(giver for giver, _ in read if giver in graph):
            graph.add_edge(giver, op.id, tensors=tuple(name for by, name in read if by == giver))
    return graph


def skeleton(anatomy: Anatomy) -> nx.DiGraph[str]:
    """The inputs, blocks, joins and outputs of the outermost net; an edge is the stream from one to the next."""
    net, flow = anatomy.net, anatomy.flows[0]
    graph: nx.DiGraph[str] = nx.DiGraph(path=str(net.path), inputs=net.inputs, outputs=tuple(sorted(net.exits)))
    merges = {name: one for name, one in _merges(anatomy).items() if isinstance(one, Block) or one.role in JOINS}
    reached: list[Ways] = []
    for node, (name, weight) in enumerate(zip(flow.names, layers(flow), strict=True)):
        ways = _onward([reached[before] for before in flow.preds[node]], weight)
        if flow.ops[node] is None:
            graph.add_node(name, part="input", op="Input", **_tensor(net, name), **_NOWHERE)
            ways = {name: (0, 0)}
        elif name in merges:
            graph.add_node(name, **_attributes(merges[name], anatomy))
            shortcut, branch = (_at(merges[name], side, flow.index, reached) for side in (0, 1))
            for origin, (most, fewest) in ways.items():
                graph.add_edge(
                    origin, name, layers=most, fewest=fewest, shortcut=origin in shortcut, branch=origin in branch
                )
            ways = {name: (0, 0)}
        reached.append(ways)
    for name in sorted(net.exits & flow.index.keys()):
        graph.add_node(f"{OUTPUT}{name}", part="output", op="Output", **_tensor(net, name), **_NOWHERE)
        for origin, (most, fewest) in reached[flow.index[name]].items():
            graph.add_edge(origin, f"{OUTPUT}{name}", layers=most, fewest=fewest, shortcut=False, branch=False)
    return graph


def _onward(before: list[Ways], weight: int) -> Ways:
    """The ways that arrive at a tensor, from those that arrive at what it is made of."""
    if len(before) == 1 and not weight:
        return before[0]
    found: dict[str, tuple[int, int]] = {}
    for ways in before:
        for origin, (most, fewest) in ways.items():
            longest, shortest = found.get(origin, (most + weight, fewest + weight))
            found[origin] = (max(longest, most + weight), min(shortest, fewest + weight))
    return found


def _at(merge: Block | Merge, side: int, index: Mapping[str, int], reached: list[Ways]) -> Ways:
    """Where a side of a block comes from; the merge may read tensors that are no nodes."""
    name = merge.sides[side] if isinstance(merge, Block) else ""
    return reached[index[name]] if name in index and index[name] < len(reached) else {}


def _merges(anatomy: Anatomy) -> dict[str, Block | Merge]:
    """The merges of the outermost net by first output."""
    found: dict[str, Block | Merge] = {one.op.id: one for one in anatomy.merges if one.net is anatomy.net}
    found.update((block.merge.id, block) for block in anatomy.blocks if block.net is anatomy.net)
    return found


def _attributes(one: Block | Merge, anatomy: Anatomy) -> dict[str, object]:
    if isinstance(one, Merge):
        return dict(part="merge", op=one.op.kind, role=str(one.role), **_tensor(one.net, one.op.id), **_place(one.op))
    macs = anatomy.cost.by_op or {}
    return dict(
        part="block",
        op=one.merge.kind,
        role=str(one.kind),
        normalization=str(one.normalization),
        fork=one.fork,
        stack=one.stack,
        depth=one.depth,
        macs=sum(macs.get(op.id, 0) for op in (*one.branch, *one.shortcut)),
        **_tensor(one.net, one.merge.id),
        **_place(one.merge),
    )


def _role(one: Block | Merge) -> str:
    return str(one.kind if isinstance(one, Block) else one.role)


def _tensor(net: Net, name: str) -> Tensor:
    value = net.value(name)
    kind = TensorProto.DataType.Name(TensorProto.DataType.ValueType(value.type)).lower() if value.type > 0 else None
    return {"shape": value.shape, "dtype": {"float": "float32", "double": "float64"}.get(kind or "", kind)}


_NOWHERE: Place = {"node": "", "module": None, "source": None}


def _place(op: Op) -> Place:
    module, source = where(op)
    return {"node": op.name, "module": module, "source": f"{source.file}:{source.line}" if source else None}
