"""Anatomy in, merges that the stream reaches more than once out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reslint.anatomy import Anatomy, Block, Kind, Placement
from reslint.anatomy.describe.block import constant_factor, scaled_behind
from reslint.anatomy.graph.ops import LAYOUT
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_CLOSE = 0.05
_SEVERAL = 2  # a single skip around a whole body is a design


@rule("repeated-shortcut", "shortcut", Severity.WARNING, Confidence.PROVEN)
def repeated_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The stream reaches a merge more than once, so its coefficient is not 1."""
    yield from _around(anatomy.blocks)
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


def _around(blocks: Sequence[Block]) -> Iterator[Draft]:
    """Shortcuts around whole blocks, one after the other, whose branches end in the stream itself: each doubles it."""
    ends = {(id(b.net), b.end.id): b for b in blocks if b.kind is Kind.IDENTITY and b.scale_shortcut is None}
    found = [b for b in blocks if b.inner and _doubles(b, ends)]
    if len(found) >= _SEVERAL:
        first = found[0]
        yield Draft(
            first.merge,
            first.net,
            f"the shortcut of the merge{called(first.merge)} bypasses blocks that add the stream already: "
            f"over {len(found)} of these the stream is {2 ** len(found):g} times what it was",
            "leave the outer sum out, or end its branch with a layer",
            {"coefficient": 2, "product": 2 ** min(len(found), 64), "fork": first.fork, "blocks": len(found)},
            related=tuple(b.merge for b in found[1:]),
        )


def _doubles(block: Block, ends: Mapping[tuple[int, str], Block]) -> bool:
    """Whether the branch ends in the last of its inner blocks, from which shortcuts alone lead back to the fork."""
    if (id(block.net), block.end.id) not in ends or block.normalization is Placement.POST:
        return False
    name = block.sides[1]
    for _ in block.inner:
        inner = ends.get((id(block.net), name))
        if inner is None or inner is block or abs(scaled_behind(block.net, block.end.id) - 1) > _CLOSE:
            return False
        name = inner.sides[0]
        if name == block.fork:
            return True
    return False


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
