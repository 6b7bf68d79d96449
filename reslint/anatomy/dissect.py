"""Net in, Anatomy out."""

from __future__ import annotations

from reslint.anatomy.blocks import block
from reslint.anatomy.cost import costs
from reslint.anatomy.depth import depth_of
from reslint.anatomy.flow import flow_of
from reslint.anatomy.residual import verdicts
from reslint.anatomy.stacks import stacked
from reslint.anatomy.values import Anatomy, Block, Depth, Merge, Role, Stack
from reslint.net import Net

_BYPASSING = frozenset({Role.UNET, Role.FPN})
_JOINING = frozenset({Role.FUSE, Role.BRANCH, Role.SLICES})


def dissect(net: Net) -> Anatomy:
    """Find the residual connections of a net and of its bodies, and all that the rules need to know about them."""
    blocks: list[Block] = []
    merges: list[Merge] = []
    stacks: list[Stack] = []
    depth = Depth(0, 0, 0, 0)
    flows = tuple(flow_of(inner) for inner in net.nets())
    for flow in flows:
        found: list[Block] = []
        others: list[Merge] = []
        for v in verdicts(flow):
            if v.kind is not None and v.region is not None:
                found.append(block(flow, v, v.kind, v.region))
            else:
                others.append(Merge(flow.net, v.op, v.role, v.reason))
        numbered, rows = stacked(flow, found, len(stacks))
        blocks += numbered
        merges += others
        stacks += rows
        if flow.net is net:
            bypasses = {b.merge.id for b in found} | {m.op.id for m in others if m.role in _BYPASSING}
            joins = {m.op.id for m in others if m.role in _JOINING or m.op.type == "Concat"}
            depth = depth_of(flow, found, bypasses, joins)
    return Anatomy(net, flows, tuple(blocks), tuple(merges), tuple(stacks), depth, costs(net))
