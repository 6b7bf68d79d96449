"""Anatomy in, branches that are provably zero or constant out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.describe.signature import shapeless
from reslint.anatomy.graph.ops import LAYOUT, NORMS, is_layer
from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.net import Net, Op
from reslint.net.weights import array, is_zero
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Proof, Said, Settings, rule

_FRESH, _SHARE = 3, 0.25  # so many zero branches are an initialization (ReZero, zero-init), no accident (heuristic)
_PASSING = LAYOUT | {"Mul", "Add", "Dropout"}
_NEAR = 8  # ops to look back from the merge


def is_still(draft: Draft, signal: Signal) -> Proof | None:
    """Whether the branch gave nothing, or the same on different inputs."""
    tap = next((t for t in signal.taps if t.block.merge is draft.op), None)
    if tap is None or not tap.branch.finite:
        return None
    numbers = {"branch_peak": tap.branch.peak, "branch_variance": tap.branch.variance}
    if not tap.branch.peak:
        return Proof(True, "the branch was zero for all inputs", numbers)
    if tap.branch.steady is None:
        return None
    says = "the branch was the same for different inputs" if tap.branch.steady else "the branch changed with the input"
    return Proof(tap.branch.steady, f"{says}, with magnitude {tap.branch.peak:.3g}", numbers)


@rule("dead-branch", "shortcut", Severity.WARNING, Confidence.PROVEN, proof=is_still)
def dead_branch(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The branch is provably constant or zero."""
    yield from _unscaled(anatomy)
    zeroed = [(b, found) for b in anatomy.blocks if b.kind is not Kind.DENSE and (found := _zeroed(b)) is not None]
    if not zeroed:
        return
    if len(zeroed) >= max(_FRESH, _SHARE * len(anatomy.blocks)):
        why = f"zero, as are {len(zeroed)} of {len(anatomy.blocks)} branches: the model is untrained"
        yield from (Pass(b.merge, b.net, why) for b, _ in zeroed)
        return
    like = Counter(_sort(b) for b in anatomy.blocks)
    dead = Counter(_sort(block) for block, _ in zeroed)
    for block, (op, name, empty) in zeroed:
        if 1 < dead[_sort(block)] >= like[_sort(block)] / 2:
            yield Pass(block.merge, block.net, "zero, as is every second block of its kind: the model is untrained")
            continue
        yield Draft(
            block.merge,
            block.net,
            f"the branch{called(block.merge)} is always {'zero' if empty else 'the same'}: {op.type} {op.id} "
            f"multiplies it by {name}, which is all zeros",
            "train the block, or remove it if it was pruned",
            {"op": op.type, "at": op.id, "constant": name, "branch_ops": block.branch_ops},
        )


def _unscaled(anatomy: Anatomy) -> Iterator[Draft]:
    """Learned scales of channels that are exactly 1 in all blocks: whatever was to be learned or set there was not."""
    ends = [(b, found) for b in anatomy.blocks if b.kind is not Kind.DENSE and (found := _channel_scale(b)) is not None]
    ones = [(b, name) for b, name in ends if _is_one(b.net, name)]
    if len(ones) < _FRESH or len(ones) < len(ends):
        return
    block, name = ones[0]
    yield Draft(
        block.merge,
        block.net,
        f"the scale {name} of the branch{called(block.merge)} is exactly 1 in every channel, so it scales nothing, "
        f"as in {len(ones) - 1} more blocks",
        "initialize it small (LayerScale: 1e-5 to 0.1), or remove it",
        {"constant": name, "blocks": len(ones)},
        related=tuple(b.merge for b, _ in ones[1:]),
        severity=Severity.NOTE,
    )


def _channel_scale(block: Block) -> str | None:
    """The constant of several numbers that the end of a branch is multiplied with; None where it is not."""
    op = block.net.producer.get(block.sides[1])
    if op is None or op.type != "Mul" or len(op.fixed) != 1 or len(op.data) != 1:
        return None
    size = block.net.value(op.fixed[0]).size
    return op.fixed[0] if size is not None and size > 1 else None


def _is_one(net: Net, name: str) -> bool:
    held = array(net, name)
    return held is not None and held.size > 0 and bool((held == 1).all())


def _sort(block: Block) -> tuple[object, ...]:
    """What blocks of one sort have in common: their kind and their work, of whatever size."""
    return block.kind, block.normalization, shapeless(block.work)


def _zeroed(block: Block) -> tuple[Op, str, bool] | None:
    """The op near the branch's end that multiplies with nothing but zeros, those zeros, and whether nothing is added."""
    net = block.net
    empty = True
    op = net.producer.get(block.sides[1])
    for _ in range(_NEAR):
        if op is None:
            return None
        factor, added = _affine(net, op)
        empty = empty and (not added or is_zero(net, added))
        if factor and is_zero(net, factor):
            return op, factor, empty
        if op.type not in _PASSING or len(op.data) != 1:
            return None
        op = net.producer.get(op.data[0])
    return None


def _affine(net: Net, op: Op) -> tuple[str, str]:
    """The constants that an op multiplies its input with, and adds to it; empty where there is none."""
    if op.type in ("Mul", "MatMul") and len(op.fixed) == 1:
        return op.fixed[0], ""
    if op.type == "Add" and len(op.fixed) == 1:
        return "", op.fixed[0]
    if len(op.inputs) > 1 and (is_layer(net, op) and op.type in ("Conv", "Gemm") or op.type in NORMS):
        bias = op.inputs[2] if len(op.inputs) > 2 else ""
        return (op.inputs[1], bias) if not bias or net.is_constant(bias) else ("", "")
    return "", ""
