"""Net in, Anatomy out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy.flow import Flow, flow_of
from reslint.anatomy.residual import Verdict, verdicts
from reslint.anatomy.values import Anatomy, Block, Cost, Depth, Merge
from reslint.net import Net


def dissect(net: Net) -> Anatomy:
    """Find the residual connections of a net and all that the rules need to know about them."""
    blocks: list[Block] = []
    merges: list[Merge] = []
    for inner in net.nets():
        flow = flow_of(inner)
        for verdict in verdicts(flow):
            if verdict.kind is None:
                merges.append(Merge(inner, verdict.op, verdict.role, verdict.reason))
            else:
                blocks.append(_block(flow, verdict))
    return Anatomy(net, tuple(blocks), tuple(merges), (), Depth(0, 0, 0, 0), Cost(0, 0))


def _block(flow: Flow, verdict: Verdict) -> Block:
    assert verdict.kind is not None and verdict.region is not None
    shortcut, branch = verdict.sides
    return Block(
        net=flow.net,
        merge=verdict.op,
        kind=verdict.kind,
        fork=flow.names[verdict.fork],
        sides=(flow.names[shortcut], flow.names[branch]),
        shortcut=tuple(op for step in reversed(verdict.steps) for op in step.ops),
        branch=tuple(dict.fromkeys(flow.op(n) for n in verdict.region.nodes)),
        reason=verdict.reason,
    )
