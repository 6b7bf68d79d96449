"""A dissected model in, all that a page shows of it out: plain frozen values, made only where a format asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reslint.anatomy import Anatomy, Block, Depth, Paths
from reslint.anatomy.ops import is_learned
from reslint.anatomy.signature import signature
from reslint.anatomy.skeleton import has_final_norm, skeleton
from reslint.anatomy.values import Kind, Scale
from reslint.anatomy.where import where
from reslint.net import Net, Op, Shape
from reslint.report.drawing import shortcut_word, stage_sources
from reslint.report.extent import dims
from reslint.report.stages import branch_word, stages


@dataclass(frozen=True, slots=True)
class Step:
    """One op of a block, and the shape of what it makes; `weight` is the shape of what it learned, empty where it did not."""

    op: str
    tensor: str
    node: str
    shape: str
    weight: str
    macs: int
    module: str
    source: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One block: what stands on its picture (`word` on the branch, `sign` on the shortcut), and what is told when it is opened.

    Blocks that are `alike` in all that matters have the same text there.
    """

    merge: Step
    kind: Kind
    normalization: str
    word: str
    sign: str
    alike: str
    fork: str
    reason: str
    scales: tuple[str, ...]
    depth: int
    branch_ops: int
    macs: int
    shortcut: tuple[Step, ...]
    branch: tuple[Step, ...]

    @property
    def name(self) -> str:
        """What a reader calls the block."""
        return self.merge.module or self.merge.node or self.merge.tensor


@dataclass(frozen=True, slots=True)
class Stretch:
    """The blocks of one stage, by number from `first` up to `end`, and the stretches that its stream comes `after`."""

    module: str
    out: str
    macs: int
    first: int
    end: int
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """What one model's page is drawn from."""

    graph: str
    skeleton: str
    fed: str
    blocks: tuple[Seen, ...]
    stretches: tuple[Stretch, ...]
    final_norm: bool
    others: Mapping[str, int]
    params: int
    macs: int
    uncounted: tuple[str, ...]
    depth: Depth
    paths: Paths


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
        "" if block.kind is Kind.DENSE else signature(block),  # dense blocks grow by their nature
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
