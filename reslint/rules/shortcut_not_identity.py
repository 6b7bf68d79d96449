"""Anatomy in, shortcuts that change the stream on the way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set

from reslint.anatomy import Anatomy, Block, Kind, Placement, Stack
from reslint.anatomy.describe.block import scaled_behind
from reslint.anatomy.graph.ops import ACTIVATIONS
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_HALF = 0.5  # half of each did much worse than the whole stream (He et al. 2016: 12.35 against 6.61 percent)
_LEAST_SUM, _MOST_SUM = 0.3, 1.5  # a mean of three is 1/3
_SEVERAL = 2  # sums that are scaled
_CLOSE = 0.01  # He et al. 2016 tried 0.5 and 1; how near to 1 is still an identity is a heuristic


@rule("shortcut-not-identity", "shortcut", Severity.WARNING, Confidence.LIKELY)
def shortcut_not_identity(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """An activation, a dropout, a constant scale or a gate sits on the shortcut."""
    yield from _changed(anatomy.blocks)
    yield from _gated(anatomy.blocks)
    starts = Counter(block.fork for block in anatomy.blocks if block.scale_shortcut is not None)
    for stack in anatomy.stacks:
        yield from _scaled(stack, {fork for fork, n in starts.items() if n > 1})
        yield from _scaled_sums(stack)


def _changed(blocks: Sequence[Block]) -> Iterator[Draft]:
    found = [(b, op) for b in blocks for op in b.shortcut if op.type in ACTIVATIONS]
    if found:
        block, op = found[0]
        yield Draft(
            block.merge,
            block.net,
            f"a {op.type} sits on the shortcut{called(block.merge)}, so the stream no longer reaches the merge unchanged",
            f"move the {op.type} into the branch or after the merge",
            {"op": op.type, "at": op.id, "blocks": len(found), "of": len(blocks)},
            related=tuple(b.merge for b, _ in found[1:]),
        )


def _scaled(stack: Stack, initial: Set[str]) -> Iterator[Said]:
    """Constant factors other than 1, unless they make up for something.

    DeepNorm's exceed 1 and stand before a normalization; propagation mixes in its start, by a branch without weights (APPNP)
    or in block after block (GCNII: `initial` are such forks), and so do factors that add up to 1 with the branch's.
    """
    found = [
        (b, b.scale_shortcut.value) for b in stack.blocks if b.scale_shortcut and b.scale_shortcut.value is not None
    ]
    reasons = {b.merge.id: _made_up_for(b, v, initial) for b, v in found}
    wrong = [(b, v) for b, v in found if not reasons[b.merge.id]]
    yield from (Pass(b.merge, b.net, f"scaled by {v:g}, but {why}") for b, v in found if (why := reasons[b.merge.id]))
    learned = (b for b in stack.blocks if b.scale_shortcut and b.scale_shortcut.value is None)
    yield from (Pass(b.merge, b.net, "scaled by a learned factor, or by weights that are missing") for b in learned)
    if not wrong:
        return
    product = 1.0
    for _, value in wrong:
        product *= value
    if 0.5 < product <= 2 and len(wrong) == len(stack.blocks):
        why = f"scaled like all blocks of its stack, by {product:.3g} in total"
        yield from (Pass(b.merge, b.net, why) for b, _ in wrong)
        return
    block, value = wrong[0]
    yield Draft(
        block.merge,
        block.net,
        f"the shortcut{called(block.merge)} is multiplied by {value:g}"
        + (f"; over {len(wrong)} blocks the stream is scaled by {product:g}" if len(wrong) > 1 else ""),
        "leave the shortcut unscaled and scale the branch, or the sum, instead",
        {"scale": value, "product": product, "blocks": len(wrong), "of": len(stack.blocks)},
        related=tuple(b.merge for b, _ in wrong[1:]),
    )


def _scaled_sums(stack: Stack) -> Iterator[Draft]:
    """Factors behind the merges, which scale the stream of all blocks before; a mean of two, or one over its root, is none."""
    found = [
        (b, factor)
        for b in stack.blocks
        if b.kind is Kind.IDENTITY and b.normalization is not Placement.POST
        for factor in [scaled_behind(b.net, b.end.id)]
        if not _LEAST_SUM <= factor <= _MOST_SUM
    ]
    if len(found) < _SEVERAL:
        return
    product = 1.0
    for _, factor in found:
        product *= factor
    block, factor = found[0]
    yield Draft(
        block.merge,
        block.net,
        f"the sum{called(block.merge)} is multiplied by {factor:g}, and with it the stream: "
        f"over {len(found)} blocks it is scaled by {product:.3g}",
        "scale the branch, and leave the sum as it is",
        {"scale": factor, "product": product, "blocks": len(found), "of": len(stack.blocks)},
        related=tuple(b.merge for b, _ in found[1:]),
    )


def _made_up_for(block: Block, scale: float, initial: Set[str]) -> str:
    """Why a factor on a shortcut is as it should be; empty where nothing says so."""
    if abs(scale - 1) <= _CLOSE:
        return "that is nearly 1"
    other = block.scale_branch.value if block.scale_branch is not None else None
    mixed = other is not None and scale > _HALF and abs(scale + other - 1) <= _CLOSE
    deepnorm = scale > 1 and block.normalization is Placement.POST
    if mixed:
        return "the branch is scaled by the remainder to 1: a convex mix"
    if deepnorm:
        return "the scale is above 1 and a normalization follows: DeepNorm"
    if not block.depth:
        return "the branch learns nothing: propagation (APPNP)"
    return "several blocks mix in the same start (GCNII)" if block.fork in initial else ""


def _gated(blocks: Sequence[Block]) -> Iterator[Draft]:
    """A gate that several blocks have is an architecture (highway, GTrXL); one that a single block has is a slip."""
    found = [b for b in blocks if b.kind is Kind.GATED]
    if found:
        yield Draft(
            found[0].merge,
            found[0].net,
            f"a gate{called(found[0].merge)} decides how much of the stream passes the merge",
            "let the stream pass unchanged and gate the branch only",
            {"blocks": len(found), "of": len(blocks)},
            related=tuple(b.merge for b in found[1:]),
            confidence=Confidence.POSSIBLE if len(found) > 1 or len(blocks) == 1 else None,
        )
