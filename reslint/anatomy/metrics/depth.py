"""Dataflow and blocks in, depth out: the longest ways through a net, and how long all ways through its residual graph are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from reslint.anatomy.graph.dataflow import Dataflow, dataflow_of
from reslint.anatomy.graph.ops import ACTIVATIONS, CHOOSING, FOREVER, RECURRENT, is_clipping, is_layer
from reslint.anatomy.graph.traits import INTERACTION, LAYER
from reslint.anatomy.values import Block, Depth, Paths
from reslint.net import Net, Op
from reslint.net.weights import integers

Distribution = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_NEGLIGIBLE = 1e-18


def depth_of(flow: Dataflow, blocks: Sequence[Block], bypasses: Set[str], joins: Set[str]) -> Depth:
    """How deep a net is, bodies included.

    Merges come by first output: `bypasses` are what a skip of any kind reaches, `joins` where parallel branches join.
    """
    merged = {(id(b.net), b.merge.id) for b in blocks}
    longest, _ = _longest(flow, [int(op is not None and name in op.outputs) for name, op in _named(flow)])
    weighted, _ = _longest(flow, layers(flow))
    residual, _ = _longest(flow, _with_bodies(flow, lambda f: [int((id(f.net), name) in merged) for name in f.names]))
    plain = tuple(_longest_plain(flow, bypasses, joins))
    return Depth(longest, weighted, residual, len(plain), plain)


def _named(flow: Dataflow) -> Iterator[tuple[str, Op | None]]:
    return zip(flow.names, flow.ops, strict=True)


def layers(flow: Dataflow) -> list[int]:
    """Weighted layers at each node."""
    return _with_bodies(flow, lambda f: [1 if traits & LAYER else 0 for traits in f.traits])


def _with_bodies(flow: Dataflow, own: Callable[[Dataflow], list[int]]) -> list[int]:
    """The weight of each node, where an op with bodies weighs what its deepest body does, as often as it runs."""
    weights = own(flow)
    deep: dict[str, int] = {}  # by op: one with many outputs has a node for each, and bodies may hold such ops again
    for node, op in enumerate(flow.ops):
        if op is not None and op.bodies:
            if op.id not in deep:
                inside = (_longest(inner, _with_bodies(inner, own))[0] for inner in map(dataflow_of, op.bodies))
                deep[op.id] = _times(flow.net, op) * max(inside)
            weights[node] = deep[op.id]
    return weights


def _times(net: Net, op: Op) -> int:
    """How often a Loop's body runs, where a constant says so; once for all others."""
    trips = integers(net, op.inputs[0]) if op.type == "Loop" and op.inputs and op.inputs[0] else None
    return trips[0] if trips and 0 < trips[0] < FOREVER else 1


def _longest(flow: Dataflow, weights: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """The largest total weight on a way through a net, and the nodes of that way."""
    far: list[int] = []
    back: list[int] = []
    for before, weight in zip(flow.preds, weights, strict=True):
        nearest = -1
        if before:
            nearest = before[0] if len(before) == 1 else max(before, key=far.__getitem__)
            weight += far[nearest]
        far.append(weight)
        back.append(nearest)
    if not far:
        return 0, ()
    total = max(far)
    node = len(far) - 1 - far[::-1].index(total)
    way = []
    while node >= 0:
        way.append(node)
        node = back[node]
    return total, tuple(reversed(way))


def _longest_plain(flow: Dataflow, bypasses: Set[str], joins: Set[str]) -> Iterator[Op]:
    """The layers of the longest run between two merges; those with nothing nonlinear between them count once.

    Where parallel branches join, the shortest bypasses the others; and what a gate multiplies bypasses the gate.
    """
    net = flow.net
    runs = [0] * len(flow.names)
    fresh = [True] * len(flow.names)
    back = [-1] * len(flow.names)
    counted = [False] * len(flow.names)
    for node, op in enumerate(flow.ops):
        if op is None:
            continue
        given = flow.preds[node]
        if len(given) < 2:
            before = given[0] if given else -1
        elif op.id in joins or op.type == "Mul":
            before = min(given, key=lambda n: (runs[n], not fresh[n]))
        else:
            before = max(given, key=lambda n: (runs[n], fresh[n]))
        if op.id in bypasses or before < 0:
            continue
        runs[node], fresh[node], back[node] = runs[before], fresh[before], before
        if flow.traits[node] & LAYER:
            if fresh[node] or not runs[node]:
                runs[node] += 1
                counted[node] = True
            fresh[node] = op.type in RECURRENT or is_clipping(net, op)
        elif op.type in ACTIVATIONS or flow.traits[node] & INTERACTION or op.type in CHOOSING:
            fresh[node] = True
        elif flow.names[node] in flow.norms:
            fresh[node] = fresh[node] or op.type != "BatchNormalization"  # its statistics are constants by then
    node = max(range(len(runs)), key=runs.__getitem__, default=-1)
    found = []
    while node >= 0:
        if counted[node]:
            found.append(flow.op(node))
        node = back[node]
    yield from reversed(found)


def path_lengths(flow: Dataflow, blocks: Sequence[Block]) -> Paths:
    """The distribution of path lengths, in weighted layers, through the residual graph of a net.

    Each block adds a way of its shortcut's layers to the ways through its branch, so that the number of ways of each
    length is a product of polynomials (Veit et al. 2016, section 4: arXiv:1605.06431); it is multiplied out in floating point.
    """
    total, way = _longest(flow, layers(flow))
    place = {flow.names[node]: at for at, node in enumerate(way)}
    passed = {b.merge.id: b for b in blocks if any(o in place for o in b.merge.outputs)}
    inside = {name for b in passed.values() for name in b.inner}
    outer = _in_series((b for b in passed.values() if b.merge.id not in inside), place)
    ways = _series([_block_ways(b, passed) for b in outer], max(0, total - sum(b.depth for b in outer)))
    lengths = np.arange(ways.start, ways.start + len(ways.shares))
    return Paths(
        log2_count=ways.log2_count,
        min=ways.least,
        mean=float((lengths * ways.shares).sum()),
        max=ways.most,
        mode=int(lengths[int(ways.shares.argmax())]),
        variance=float(((lengths - (lengths * ways.shares).sum()) ** 2 * ways.shares).sum()),
        start=ways.start,
        shares=tuple(float(s) for s in ways.shares),
    )


def _in_series(blocks: Iterable[Block], place: Mapping[str, int]) -> Sequence[Block]:
    """The blocks that follow each other on a way, of which tensors have a `place`.

    A block around others stands for them, and of two that overlap without that the first is left. Branches that the way does
    not take, as one of two in parallel, and the steps of a refinement that share layers, would be counted twice.
    """
    found: list[tuple[int, int, Block]] = []
    for block in blocks:
        taken = [place[o] for op in block.branch for o in op.outputs if o in place]
        taken += [place[name] for name in block.inner if name in place]
        end = max(place[o] for o in block.merge.outputs if o in place)
        start = min(taken, default=end)
        if not taken and block.depth:
            continue
        while found and start <= found[-1][0] < found[-1][1]:
            found.pop()
        if not found or start >= found[-1][1]:
            found.append((start, end, block))
    return [block for _, _, block in found]


@dataclass(frozen=True, slots=True)
class _Ways:
    """How many ways there are, and which share of them has each length from `start` on."""

    log2_count: float
    least: int
    most: int
    start: int
    shares: Distribution


def _block_ways(block: Block, blocks: Mapping[str, Block]) -> _Ways:
    """The way along a shortcut beside all ways through its branch."""
    inner = [blocks[name] for name in block.inner if name in blocks]
    own = max(0, block.depth - sum(b.depth for b in inner))
    branch = _series([_block_ways(b, blocks) for b in inner], own)
    short = sum(is_layer(block.net, op) for op in block.shortcut)
    bypass = 1 / (1 + 2.0**branch.log2_count) if branch.log2_count < 1000 else 0.0
    start = min(short, branch.start)
    shares = np.zeros(max(short, branch.start + len(branch.shares) - 1) - start + 1)
    shares[branch.start - start : branch.start - start + len(branch.shares)] = branch.shares * (1 - bypass)
    shares[short - start] += bypass
    count = branch.log2_count + math.log2(1 + 2.0**-branch.log2_count)
    return _Ways(count, min(short, branch.least), max(short, branch.most), start, shares)


def _series(parts: Sequence[_Ways], own: int) -> _Ways:
    """The ways through parts that follow each other, and through `own` layers beside them."""
    shares = np.ones(1)
    start = own
    for part in parts:
        shares = np.convolve(shares, part.shares)
        start += part.start
        kept = np.flatnonzero(shares > _NEGLIGIBLE)
        start += int(kept[0])
        shares = shares[kept[0] : kept[-1] + 1]
    return _Ways(
        sum(p.log2_count for p in parts),
        own + sum(p.least for p in parts),
        own + sum(p.most for p in parts),
        start,
        shares,
    )
