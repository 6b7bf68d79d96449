"""Anatomy in, stacks whose signal nothing holds back out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reslint.anatomy import Anatomy, Block, Kind, Placement
from reslint.anatomy.describe.block import scaled_behind
from reslint.anatomy.graph.ops import CONVS, SUMS, UNFOLDED, is_depthwise, is_downsampling, is_layer, row_of
from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.net import Net, Op
from reslint.rules._support.depth_trend import lasting
from reslint.rules._support.words import first_at
from reslint.rules.rule import Draft, Pass, Proof, Said, Settings, rule

_GROWS, _STEADY = 1.5, 1.2  # a block; between the two nothing is decided (heuristic)
_FEW = 4  # blocks inside a block that are looked into
_DEEP, _MANY = 6, 4  # blocks from which growth of 1.9 to 2.0 a block counts, and how many bare ones (heuristics)


def grows(draft: Draft, signal: Signal) -> Proof | None:
    """Whether the signal grows as it was expected to; made-up weights prove nothing."""
    merges = {op.id for op in (draft.op, *draft.related)}
    taps = [t for t in signal.taps if t.block.merge.id in merges and t.merged.finite and t.merged.square > 0]
    if signal.made_up or len(taps) < _MANY:
        return None
    growth = lasting(taps)
    says = f"the mean square of the stream grows by a factor of {growth:.2f} per block"
    if _STEADY < growth < _GROWS:
        return None
    return Proof(growth >= _GROWS, says, {"growth": growth})


@rule("missing-normalization", "norm", Severity.WARNING, Confidence.LIKELY, proof=grows)
def missing_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A stack of residual blocks has no normalization, scaling or other known remedy."""
    blocks: list[Block] = []
    inside = {b.merge.id: b for b in anatomy.blocks}
    unread = {id(net): _left_out_on_purpose(net) for net in anatomy.net.nets()}
    for b in anatomy.blocks:
        if why := _acquitted(b, _layers(b, inside), unread[id(b.net)]):
            yield Pass(b.merge, b.net, why)
        else:
            blocks.append(b)
    if why := _rare(anatomy, blocks):
        yield from (Pass(b.merge, b.net, why) for b in blocks)
        return
    held = [b for b in blocks if _is_held(b)]
    if held:
        yield from (Pass(b.merge, b.net, "the branch or the sum is scaled or gated") for b in held)
        return
    first = blocks[0]
    yield Draft(
        first.merge,
        first.net,
        f"none of {len(blocks)} residual blocks normalizes or scales its branch{first_at(first.merge)}: "
        "at initialization each block about doubles the variance of the stream",
        "normalize each branch, or scale it (SkipInit, ReZero, LayerScale); `reslint run` measures the growth",
        {"blocks": len(blocks), "expected_growth": 2.0 ** len(blocks) if len(blocks) < 1000 else None},
        related=tuple(b.merge for b in blocks[1:]),
    )


def _layers(block: Block, inside: Mapping[str, Block]) -> list[Op]:
    """The layers of a branch, and of the first blocks that it holds."""
    within = (inside[name].branch for name in block.inner[:_FEW] if name in inside)
    return [op for ops in (block.branch, *within) for op in ops if is_layer(block.net, op)]


def _acquitted(block: Block, layers: Sequence[Op], on_purpose: bool) -> str:
    """Why a block needs no normalization of its own, or has it; empty where nothing says so."""
    if block.normalization is Placement.FOLDED:
        return "normalization folded: a convolution has a bias, or the exporter recorded the folding"
    if block.normalization is not Placement.NONE:
        return f"normalized: {block.normalization}"
    if block.kind is Kind.DENSE:
        return "dense: nothing is added to the stream"
    if not block.depth:
        return "nothing is learned in the branch"
    convs = [op for op in layers if op.type in CONVS]
    if layers and not block.nonlinear and all(is_depthwise(block.net, op) for op in layers):
        return "a filter of each channel by itself"
    if UNFOLDED in (block.net.metadata or {}):
        return ""
    if convs and any(_is_biased(block.net, op) for op in layers):
        return "norm folded: a layer beside its convolution has a bias"
    if on_purpose and convs:
        return "norm folded, perhaps: its convolutions were made without a bias, as in front of a normalization"
    return ""


def _left_out_on_purpose(net: Net) -> bool:
    """Whether convolutions seem to have lost a normalization to folding, where no note of the exporter is left to tell.

    One without a bias beside layers that have one, or in a net of several stages, was made so since a normalization follows.
    """
    if any(op.metadata for op in net.ops):
        return False
    layers = [op for op in net.ops if is_layer(net, op)]
    return any(_is_biased(net, op) or op.type in CONVS and is_downsampling(net, op) for op in layers)


def _is_biased(net: Net, op: Op) -> bool:
    """Whether a layer adds a bias of its own, or a constant behind it."""
    row = row_of(op)
    for at in (row.bias, row.added) if row is not None else ():
        if at is not None and len(op.inputs) > at and op.inputs[at] and net.is_constant(op.inputs[at]):
            return True
    after = net.consumers.get(op.id, ())
    return len(after) == 1 and after[0].type in SUMS and len(after[0].data) == 1


def _rare(anatomy: Anatomy, bare: Sequence[Block]) -> str:
    """Why blocks without a normalization are no defect in this model; empty where they are too many."""
    if any(b.normalization not in (Placement.NONE, Placement.FOLDED) for b in anatomy.blocks):
        return "unnormalized, but other blocks of the model are normalized"
    if len(anatomy.blocks) < _DEEP:
        return f"unnormalized, but the model has only {len(anatomy.blocks)} blocks; growth matters from {_DEEP}"
    most = max(_MANY, len(anatomy.blocks) / 3)
    return f"unnormalized, but only {len(bare)} of {len(anatomy.blocks)} blocks are" if len(bare) < most else ""


def _is_held(block: Block) -> bool:
    """Whether something other than a normalization keeps a block's output in bounds."""
    scale = block.scale_branch
    small = scale is not None and (scale.value is None or abs(scale.value) < 1)
    return (
        small
        or block.bounded
        or block.gated_branch
        or block.kind in (Kind.GATED, Kind.SCALED)
        or scaled_behind(block.net, block.end.id) < 1
    )
