"""Net in, Anatomy out."""

from __future__ import annotations

from reslint.anatomy.anatomy import Anatomy, Stack
from reslint.anatomy.describe.block import block
from reslint.anatomy.describe.stacks import stacked
from reslint.anatomy.detect.classify import verdicts
from reslint.anatomy.graph.dataflow import dataflow_of
from reslint.anatomy.values import Block, Merge
from reslint.net import Net


def dissect(net: Net) -> Anatomy:
    """Find the residual connections of a net and of its bodies, and all that the rules need to know about them."""
    blocks: list[Block] = []
    merges: list[Merge] = []
    stacks: list[Stack] = []
    flows = tuple(dataflow_of(inner) for inner in net.nets())
    for flow in flows:
        found: list[Block] = []
        for v in verdicts(flow):
            if v.kind is not None and v.region is not None:
                found.append(block(flow, v, v.kind, v.region))
            else:
                merges.append(Merge(flow.net, v.op, v.role, v.reason, v.analysed))
        numbered, rows = stacked(flow, found, len(stacks))
        blocks += numbered
        stacks += rows
    return Anatomy(net, flows, tuple(blocks), tuple(merges), tuple(stacks))
