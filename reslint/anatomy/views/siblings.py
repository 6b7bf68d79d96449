"""Anatomy in, regularity out: blocks that do the same work, and gaps in a stack where a sibling's shortcut is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from reslint.anatomy.anatomy import Anatomy
from reslint.anatomy.describe.signature import extent, work
from reslint.anatomy.detect.region import Atlas
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.norms import NormRun
from reslint.anatomy.graph.ops import is_layer
from reslint.anatomy.graph.steps import Effect
from reslint.anatomy.values import Block, Content, Kind, Work
from reslint.net import Net, Op


@dataclass(frozen=True, slots=True)
class Gap:
    """Work between two blocks that looks like the branches of `siblings`, but that no shortcut bypasses.

    `end` is the last op of that work, `fork` the tensor at which a shortcut would start. `alone` says that no other work on
    the stream of its net goes unbypassed.
    """

    net: Net
    fork: str
    end: Op
    siblings: tuple[Block, ...]
    alone: bool = False


def norm_forms(flow: Dataflow, block: Block) -> Counter[str]:
    """How often each form of normalization stands in a block's branch."""
    runs = (flow.norms.get(o) for op in block.branch for o in op.outputs)
    return Counter(_form(run) for run in runs if run is not None)


def _form(run: NormRun) -> str:
    return run.form.removesuffix("Normalization").removesuffix("Norm")


@dataclass(frozen=True, slots=True)
class NoGap:
    """Work between two blocks that no shortcut bypasses, and why none is missing there."""

    net: Net
    end: Op
    why: str


def gaps(anatomy: Anatomy) -> Iterator[Gap | NoGap]:
    """The places in a net's stacks where a sibling's work stands without a shortcut."""
    for flow in anatomy.flows:
        blocks = [b for b in anatomy.blocks if b.net is flow.net]
        kin = [f for f in anatomy.families if f[0].net is flow.net]
        if kin:
            yield from _between(flow, blocks, kin)
            yield from _inside(blocks, [f for f in kin if len(f) > 1])


def _between(flow: Dataflow, blocks: Sequence[Block], kin: Sequence[tuple[Block, ...]]) -> Iterator[Gap | NoGap]:
    """Gaps between two blocks: work on the stream that is a sibling's, beyond what usually stands there."""
    atlas = Atlas(flow)
    found = tuple(_unbypassed(flow, atlas, blocks))
    usual = Counter(content for _, _, content in found)
    alone = sum(extent(flow.net, flow.names[s]) == extent(flow.net, flow.names[e]) for s, e, _ in found) == 1
    habits = {Content(), *(content for content, n in usual.items() if n > 1)}
    for start, end, content in found:
        layers = Work(dict(content))
        size = extent(flow.net, flow.names[end])
        region = atlas.between(start, end)
        weights = weights_of(flow.net, (flow.op(n) for n in region.nodes)) if region is not None else set()
        before = extent(flow.net, flow.names[start])
        changes = before != size
        why = "its work is that of no block on a stream of its size"
        for family in kin:
            theirs = Work(dict(family[0].work))
            rest = layers - theirs
            if family[0].size not in (size, before) or rest + theirs != layers:
                continue
            if weights & weights_of(flow.net, family[0].branch):
                why = "it applies a sibling's own weights again: a solver's steps, no stack"
                continue
            why = "more stands there than a sibling's work, and not what usually stands between blocks"
            if _is_transition(rest) if changes else frozenset(rest.items()) in habits:
                yield Gap(flow.net, flow.names[start], flow.op(end), family, alone and not changes)
                break
        else:
            yield NoGap(flow.net, flow.op(end), why)


def _is_transition(rest: Work) -> bool:
    """Whether work is what stands between two stages: one layer, or a pooling beside it."""
    resamples = any(layer.strides or "Pool" in layer.kind or "Transpose" in layer.kind for layer in rest)
    return rest.total() == 1 or rest.total() == 2 and resamples


def _inside(blocks: Sequence[Block], kin: Sequence[tuple[Block, ...]]) -> Iterator[Gap]:
    """Gaps inside a branch: a block that does a sibling's work and, after it, that of another family."""
    together = {
        (_together(a[0].work, c[0].work), a[0].size): c for a in kin for c in kin if a[0].inner and not c[0].inner
    }
    for block in blocks if together else ():
        family = together.get((block.work, block.size))
        if family is not None and block.inner:
            yield Gap(block.net, block.inner[-1], block.merge, family)


def _together(one: Content, other: Content) -> Content:
    return Content((Work(dict(one)) + Work(dict(other))).items())


def weights_of(net: Net, ops: Iterable[Op]) -> set[str]:
    """The constants that layers apply."""
    return {i for op in ops if is_layer(net, op) for i in op.fixed}


def _unbypassed(flow: Dataflow, atlas: Atlas, blocks: Sequence[Block]) -> Iterator[tuple[int, int, Content]]:
    """For each block whose fork is made by layers: where they start and end, and their work."""
    sums = [b for b in blocks if b.kind is not Kind.DENSE]
    merged = {flow.index[o]: b for b in sums for o in b.merge.outputs if o in flow.index}
    first = min(merged, default=0)
    ends: set[int] = set()
    for block in sums:
        end = _last_layer(flow, flow.index[block.fork], merged)
        if end is None or end in ends:
            continue
        ends.add(end)
        start = _stream_before(flow, end, merged, first)
        region = atlas.between(start, end) if start is not None else None
        if start is not None and region is not None and not _is_bypassed(flow, block, start, sums):
            yield start, end, work(flow.net, dict.fromkeys(flow.op(n) for n in region.nodes))


@dataclass(frozen=True, slots=True)
class Inside:
    """A block that does only the end of its siblings' work: its shortcut starts inside the branch.

    `start` is the stream, `end` the last layer in front of the fork.
    """

    block: Block
    start: str
    end: Op
    siblings: tuple[Block, ...]


def begun_inside(anatomy: Anatomy) -> Iterator[Inside]:
    """The blocks whose work, with that in front of their fork that no shortcut bypasses, is that of their siblings."""
    for flow in anatomy.flows:
        blocks = [b for b in anatomy.blocks if b.net is flow.net and b.kind is not Kind.DENSE]
        wholes = {(f[0].work, f[0].size): f for f in anatomy.families if f[0].net is flow.net and len(f) > 1}
        ends = {_last_layer(flow, flow.index[b.fork], {}): b for b in reversed(blocks)} if wholes else {}
        for start, end, layers in _unbypassed(flow, Atlas(flow), blocks) if wholes else ():
            block = ends.get(end)
            family = wholes.get((_together(layers, block.work), block.size)) if block is not None else None
            if block is not None and family is not None and block not in family and not block.shortcut:
                yield Inside(block, flow.names[start], flow.op(end), family)


def _is_bypassed(flow: Dataflow, block: Block, start: int, sums: Sequence[Block]) -> bool:
    """Whether another block, of which this one is the end, bypasses the work in front of it, too (a memory behind layers)."""
    around = (b for b in sums if block.merge.id in b.inner)
    return any(_unlaid(flow, flow.index[b.fork]) == _unlaid(flow, start) for b in around)


def _unlaid(flow: Dataflow, node: int) -> int:
    """The node that a tensor only lays out anew."""
    step = flow.step_back(node)
    while step is not None and step.effect is Effect.LAYOUT:
        node = step.before
        step = flow.step_back(node)
    return node


def _last_layer(flow: Dataflow, node: int, merged: Mapping[int, Block]) -> int | None:
    """The node where the work before a fork ends; None where a merge is reached first."""
    for _ in range(windows.STREAM):
        if node in merged:
            return None
        step = flow.step_back(node)
        if step is None or step.effect is Effect.LEARNED:
            return node
        node = step.before
    return None


def _stream_before(flow: Dataflow, end: int, merged: Mapping[int, Block], first: int) -> int | None:
    """The nearest merge before a node, of its size if there is one near; what is older flows in from the side.

    Nothing is looked for beyond the `first` merge of all: before a decoder there may be an encoder without any.
    """
    todo = [-end]
    seen: set[int] = set()
    nearest = None
    size = extent(flow.net, flow.names[end])
    while todo and len(seen) < windows.WORK:
        node = -heappop(todo)
        if node < first:
            break
        if node in merged:
            if extent(flow.net, flow.names[node]) == size:
                return node
            if nearest is not None:
                break
            nearest = node
        for before in flow.preds[node]:
            if before not in seen:
                seen.add(before)
                heappush(todo, -before)
    return nearest
