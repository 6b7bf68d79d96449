"""Anatomy in, regularity out: blocks that do the same work, and gaps in a stack where a sibling's shortcut is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from reslint.anatomy.flow import Flow, flow_of
from reslint.anatomy.norms import NormRun, is_norm
from reslint.anatomy.path import LONGEST, Effect, step_back
from reslint.anatomy.region import Atlas
from reslint.anatomy.signature import described
from reslint.anatomy.values import Anatomy, Block, Kind
from reslint.net import Net, Op


_FAR = 400  # ops to look back for the merge before a piece of work


@dataclass(frozen=True, slots=True)
class Gap:
    """Work between two blocks that looks like the branches of `siblings`, but that no shortcut bypasses.

    `end` is the last op of that work, `fork` the tensor at which a shortcut would start.
    """

    net: Net
    fork: str
    end: Op
    siblings: tuple[Block, ...]


def work(net: Net, ops: Iterable[Op]) -> str:
    """What a branch does, without normalizations: what makes blocks siblings."""
    counted = Counter(described(net, op) for op in ops if not is_norm(op))
    return ", ".join(f"{n} {what}" for what, n in sorted(counted.items()) if what)


def extent(net: Net, name: str) -> object:
    """How large a stream is, whatever its layout: its number of elements, or its shape where that is symbolic."""
    value = net.value(name)
    return value.size if value.size is not None else value.shape


def norm_forms(flow: Flow, block: Block) -> Counter[str]:
    """How often each form of normalization stands in a block's branch."""
    inside = {o for op in block.branch for o in op.outputs}
    return Counter(_form(run) for name, run in flow.norms.items() if name in inside)


def _form(run: NormRun) -> str:
    return run.form.removesuffix("Normalization").removesuffix("Norm")


def families(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    """Blocks of a net that do the same work on a stream of the same shape, in order."""
    found: dict[tuple[object, ...], list[Block]] = {}
    for block in blocks:
        layers = work(block.net, block.branch)
        if layers and block.kind is not Kind.DENSE:
            found.setdefault((id(block.net), layers, extent(block.net, block.merge.id)), []).append(block)
    yield from (tuple(f) for f in found.values())


def gaps(anatomy: Anatomy) -> Iterator[Gap]:
    """The places in a net's stacks where a sibling's work stands without a shortcut."""
    for net in anatomy.net.nets():
        blocks = [b for b in anatomy.blocks if b.net is net]
        like = {
            (work(net, family[0].branch), extent(net, family[0].merge.id)): family
            for family in families(blocks)
            if len(family) >= 2
        }
        if like:
            yield from _gaps(flow_of(net), blocks, like)


def _gaps(flow: Flow, blocks: Sequence[Block], like: Mapping[tuple[object, ...], tuple[Block, ...]]) -> Iterator[Gap]:
    atlas = Atlas(flow)
    merged = {flow.index[o]: b for b in blocks for o in b.merge.outputs if o in flow.index}
    ends: set[int] = set()
    for block in blocks:
        end = _last_layer(flow, flow.index[block.fork], merged)
        if end is None or end in ends:
            continue
        ends.add(end)
        start = _stream_before(flow, end, merged)
        region = atlas.between(start, end) if start is not None else None
        if start is None or region is None:
            continue
        layers = work(flow.net, dict.fromkeys(flow.op(n) for n in region.nodes))
        size = extent(flow.net, flow.names[end])
        family = like.get((layers, size))
        if family is not None and extent(flow.net, flow.names[start]) == size:
            yield Gap(flow.net, flow.names[start], flow.op(end), family)


def _last_layer(flow: Flow, node: int, merged: Mapping[int, Block]) -> int | None:
    """The node where the work before a fork ends; None where a merge is reached first."""
    for _ in range(LONGEST):
        if node in merged:
            return None
        step = step_back(flow, node)
        if step is None or step.effect is Effect.LEARNED:
            return node
        node = step.before
    return None


def _stream_before(flow: Flow, end: int, merged: Mapping[int, Block]) -> int | None:
    """The nearest merge before a node; what is older flows in from the side (another stream, a shared bias)."""
    todo = [-end]
    seen: set[int] = set()
    while todo and len(seen) < _FAR:
        node = -heappop(todo)
        if node in merged:
            return node
        for before in flow.preds[node]:
            if before not in seen:
                seen.add(before)
                heappush(todo, -before)
    return None
