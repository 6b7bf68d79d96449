"""Anatomy in, merges that the stream reaches more than once out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.describe.block import constant_factor, scaled_behind
from reslint.anatomy.graph.ops import LAYOUT
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_CLOSE = 0.05


@rule("repeated-shortcut", "shortcut", Severity.WARNING, Confidence.PROVEN)
def repeated_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The stream reaches a merge more than once, so its coefficient is not 1."""
    forks = {(id(b.net), b.merge.id): b.fork for b in anatomy.blocks}
    for block in anatomy.blocks:
        beside = sum(forks.get((id(block.net), name)) == block.fork for name in block.inner)
        if beside > 1:
            yield Pass(
                block.merge, block.net, f"it sums {beside} blocks with the same fork, each of which holds the stream"
            )
        if block.kind is not Kind.IDENTITY or block.scale_shortcut is not None or len(block.inner) > 1:
            continue
        gains = _gains(block)
        twice = gains.get(block.sides[1], 0.0)
        if not twice:
            continue
        total = gains.get(block.sides[0], 0.0) + twice
        made_up = abs(total * scaled_behind(block.net, block.merge.id) - 1) <= _CLOSE
        if abs(twice - 1) > _CLOSE or made_up:
            why = (
                "a factor after the merge compensates for it"
                if made_up
                else f"the branch holds {twice:.3g} of the stream"
            )
            yield Pass(block.merge, block.net, why)
            continue
        yield Draft(
            block.merge,
            block.net,
            f"the stream reaches the merge{called(block.merge)} {total:g} times: once on the shortcut, "
            "and again inside the branch",
            "add the shortcut once; scale the sum if doubling is intended",
            {"coefficient": total, "fork": block.fork},
        )


def _gains(block: Block) -> dict[str, float]:
    """How much of the fork is in each tensor of the block along ways without weights and nonlinearities."""
    net = block.net
    gains = {block.fork: 1.0}
    for op in (*block.shortcut, *block.branch):
        if op.type in ("Add", "Sum"):
            gain = sum(gains.get(i, 0.0) for i in op.data)
        elif op.type in ("Mul", "Div", "Neg") and len(op.data) == 1:
            gain = gains.get(op.data[0], 0.0) * (constant_factor(net, op) or 0.0)
        elif op.type in LAYOUT and len(op.data) == 1:
            gain = gains.get(op.data[0], 0.0)
        else:
            continue
        for output in op.outputs:
            gains[output] = gain
    return gains
