"""Anatomy in, merges that the stream reaches more than once out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.blocks import constant_factor, scaled_behind
from reslint.anatomy.ops import LAYOUT
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called

_CLOSE = 0.05


@rule("repeated-shortcut", "shortcut", Severity.WARNING, Confidence.PROVEN)
def repeated_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The stream reaches a merge more than once, so that its coefficient is not 1."""
    for block in anatomy.blocks:
        if block.kind is not Kind.IDENTITY or block.scale_shortcut is not None or len(block.inner) > 1:
            continue
        gains = _gains(block)
        twice = gains.get(block.sides[1], 0.0)
        total = gains.get(block.sides[0], 0.0) + twice
        if abs(twice - 1) > _CLOSE or abs(total * scaled_behind(block.net, block.merge.id) - 1) <= _CLOSE:
            continue
        yield Draft(
            block.merge,
            block.net,
            f"the stream reaches the merge{called(block.merge)} {total:g} times: once on the shortcut, "
            "and again inside the branch",
            "add the shortcut once; scale the sum if doubling is meant",
            {"coefficient": total, "fork": block.fork},
        )


def _gains(block: Block) -> dict[str, float]:
    """How much of the fork is in each tensor of the block along ways without weights and nonlinearities."""
    net = block.net
    gains = {block.fork: 1.0}
    for op in (*block.shortcut, *block.branch):
        there = [i for i in op.inputs if net.is_data(i)]
        if op.type in ("Add", "Sum"):
            gain = sum(gains.get(i, 0.0) for i in there)
        elif op.type in ("Mul", "Div", "Neg") and len(there) == 1:
            gain = gains.get(there[0], 0.0) * (constant_factor(net, op) or 0.0)
        elif op.type in LAYOUT and len(there) == 1:
            gain = gains.get(there[0], 0.0)
        else:
            continue
        for output in op.outputs:
            gains[output] = gain
    return gains
