"""A dissected model in, its portrait out; made only where a format asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.describe.signature import signature
from reslint.anatomy.graph.ops import is_learned
from reslint.anatomy.values import Kind, Scale
from reslint.anatomy.views.skeleton import has_final_norm, skeleton
from reslint.anatomy.views.source import where
from reslint.net import Net, Op, Shape
from reslint.portrait import Portrait, Seen, Step, Stretch
from reslint.report.anatomy.drawing import shortcut_word, stage_sources
from reslint.report.anatomy.stages import branch_word, stages
from reslint.report.common.extent import dims


def portrait(found: Anatomy) -> Portrait:
    """The portrait of one model."""
    drawn = stages(found)
    sources = stage_sources(found, drawn)
    made = found.cost.by_op or {}
    stretches = []
    end = 0
    for stage, after in zip(drawn, sources, strict=True):
        first, end = end, end + len(stage.blocks)
        macs = sum(made.get(name, 0) for name in {op.id for op in stage.ops})
        stretches.append(
            Stretch(stage.module, _dims(stage.shape, stage.blocks[0].net), macs, first, end, tuple(sorted(after)))
        )
    inputs = [found.net.shape(name) for name in found.net.inputs]
    return Portrait(
        found.net.name,
        skeleton(found),
        _dims(inputs[0], found.net) if inputs and inputs[0] else "",
        tuple(_seen(block, made) for stage in drawn for block in stage.blocks),
        tuple(stretches),
        has_final_norm(found),
        dict(Counter(str(merge.role) for merge in found.merges).most_common()),
        found.cost.params,
        found.cost.macs,
        found.cost.unknown,
        replace(found.depth, plain=()),  # ops would keep the whole net alive
        found.paths,
    )


def _dims(shape: Shape | None, net: Net) -> str:
    """`batch × 128 × 768`: names of dimensions are words, too, so that an x would be lost among them."""
    return dims(shape, net, " × ")


def _seen(block: Block, made: Mapping[str, int]) -> Seen:
    net = block.net
    ops = {op.id for op in (*block.shortcut, *block.branch, block.merge)}
    return Seen(
        _step(net, block.merge, made),
        block.kind,
        str(block.normalization),
        branch_word(block),
        shortcut_word(block),
        "" if block.kind is Kind.DENSE else str(signature(block)),  # dense blocks grow by their nature
        block.fork,
        block.reason,
        tuple(_scales(block)),
        block.depth,
        block.branch_ops,
        sum(made.get(name, 0) for name in ops),
        tuple(_step(net, op, made) for op in block.shortcut),
        tuple(_step(net, op, made) for op in block.branch),
    )


def _step(net: Net, op: Op, made: Mapping[str, int]) -> Step:
    module, source = where(op)
    weight = next((s for i in op.fixed if (s := net.shape(i)) and len(s) > 1), None)
    return Step(
        op.kind,
        op.id,
        op.name,
        _dims(net.shape(op.id), net),
        _dims(weight, net) if weight and is_learned(net, op) else "",
        made.get(op.id, 0),
        module or "",
        f"{source.file}:{source.line}" if source else "",
    )


def _scales(block: Block) -> Iterator[str]:
    if block.scale_shortcut:
        yield f"shortcut {_factor(block.scale_shortcut)}"
    if block.scale_branch:
        yield f"branch {_factor(block.scale_branch)}"
    if block.gated_branch:
        yield "branch gated by data"


def _factor(scale: Scale) -> str:
    return f"× {scale.value:.6g}" if scale.value is not None else "× a vector"
