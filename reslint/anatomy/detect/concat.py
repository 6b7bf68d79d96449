"""A concatenation in, the verdict on it out: dense where a block's own input is kept beside what was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from reslint.anatomy.detect.grounds import Candidate
from reslint.anatomy.detect.objections import ROW_OF_BLOCKS, to_concatenation
from reslint.anatomy.detect.region import Atlas, Region
from reslint.anatomy.detect.shortcut_search import nearest
from reslint.anatomy.detect.verdict import Verdict
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import CONVS, PRODUCTS
from reslint.anatomy.graph.steps import Effect, Step
from reslint.anatomy.values import Kind, Role
from reslint.net import Op


def concat(flow: Dataflow, atlas: Atlas, op: Op) -> Verdict:
    """The verdict on a concatenation of two or more data tensors."""
    parts = tuple(dict.fromkeys(flow.index[i] for i in op.inputs if i in flow.index))
    if not _joins_channels(flow, atlas, op):
        return Verdict(op, None, Role.OTHER, "joins along positions, not channels")
    for part, merge in _dual(flow, atlas, parts):
        return _dense(op, "the rest of a stream beside its residual part", part, merge, (), atlas.regions[merge])
    *_, newest = by_age = flow.by_age(parts)
    refused = Verdict(op, None, Role.BRANCH, "parallel branches side by side")
    for part in reversed(by_age):
        route = nearest(flow, atlas, part, newest) if part != newest else None
        if route is None:
            continue
        objection = to_concatenation(Candidate(flow, atlas, op, route))
        if objection is None:
            return _dense(op, "an input is kept beside what was made of it", part, newest, route.steps, route.region)
        if refused.region is None:
            region = route.region if objection.role is Role.UNET else None
            sides, role, reason = (part, newest), objection.role, objection.reason
            refused = Verdict(op, None, role, reason, route.fork, sides, route.steps, region, objection)
    return refused


def _dense(op: Op, why: str, part: int, newest: int, steps: tuple[Step, ...], region: Region) -> Verdict:
    return Verdict(op, Kind.DENSE, Role.OTHER, why, region.fork, (part, newest), steps, region)


def without_lone_ladders(flow: Dataflow, atlas: Atlas, found: Sequence[Verdict]) -> Iterator[Verdict]:
    """The verdicts, corrected where one concatenation around a row of blocks was taken for a U-net's.

    The joints of an encoder with its decoder lie inside each other; one that lies in none and holds none keeps its input
    beside what a row of blocks made of it (MobileViT).
    """
    at = {v.op.id: (flow.depths[v.fork], flow.depths[flow.index[v.op.id]]) for v in found if v.role is Role.UNET}
    nested = _nested({at[v.op.id] for v in found if v.role is Role.UNET and v.op.type == "Concat"})
    for v in found:
        alone = v.objection is ROW_OF_BLOCKS and at[v.op.id] not in nested
        if alone and v.region is not None and not _is_merged(flow, atlas, v.fork):
            v = _dense(v.op, "an input is kept beside what a row of blocks made of it", *v.sides, v.steps, v.region)
        yield v


def _nested(joints: Set[tuple[int, int]]) -> Set[tuple[int, int]]:
    """Those of some pairs of the depths of first and last nodes that lie in another one, or that another one lies in."""
    found: set[tuple[int, int]] = set()
    last = -1  # where those end that begin before
    for joint in sorted(joints, key=lambda pair: (pair[0], -pair[1])):
        if joint[1] <= last:
            found.add(joint)
        last = max(last, joint[1])
    first: int | None = None  # where those end that begin behind
    for joint in sorted(joints, key=lambda pair: (-pair[0], pair[1])):
        if first is not None and joint[1] >= first:
            found.add(joint)
        first = joint[1] if first is None else min(first, joint[1])
    return found


def _dual(flow: Dataflow, atlas: Atlas, parts: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """A slice of a stream, and a residual merge whose shortcut is another slice of it (dual path networks)."""
    sliced: dict[int, list[int]] = {}
    for part in parts:
        step = flow.step_back(part)
        if step is not None and step.effect is Effect.SLICE:
            sliced.setdefault(step.before, []).append(part)
    for merge in parts if sliced else ():
        if merge in atlas.residual and merge not in atlas.dense:
            shortcuts = [p for p in flow.preds[merge] if p != atlas.regions[merge].end]
            sources = {s.before for p in shortcuts if (s := flow.step_back(p)) and s.effect is Effect.SLICE}
            kept = {part for source in sources for part in sliced.get(source, ())} - {merge}
            if kept:
                yield next(part for part in parts if part in kept), merge


def _is_merged(flow: Dataflow, atlas: Atlas, node: int) -> bool:
    """Whether a stream comes from a residual merge with nothing learned between."""
    for _ in range(windows.STREAM):
        if node in atlas.residual and node not in atlas.dense:
            return True
        step = flow.step_back(node)
        if step is None or step.effect is Effect.LEARNED:
            return False
        node = step.before
    return False


def _joins_channels(flow: Dataflow, atlas: Atlas, op: Op) -> bool:
    """Whether a concatenation is along channels: the last axis for what a matrix product reads, else the second."""
    shape = flow.net.shape
    known = next((s for i in op.inputs if (s := shape(i)) is not None), None)
    if known is None:
        return op.integer("axis", 1) in (1, -1)
    rank = len(known)
    if rank < 2:
        return False
    axis = op.integer("axis", 1) % rank
    if all((s := shape(i)) is not None and len(s) == rank and s[axis] == 1 for i in op.inputs):
        return False
    return axis == 1 if rank == 2 or _meets_convolution(flow, atlas, op) else axis == rank - 1


def _meets_convolution(flow: Dataflow, atlas: Atlas, op: Op) -> bool:
    """Whether the first layer behind a concatenation, or the last before it, is a convolution."""
    todo, seen = [op], 0
    while todo and seen < windows.READER:
        after = todo.pop(0)
        seen += 1
        for follower in (c for o in after.outputs for c in flow.net.consumers.get(o, ())):
            if follower.type in CONVS:
                return True
            if follower.type in PRODUCTS or follower.type in ("LayerNormalization", "Transpose", "Reshape"):
                continue
            todo.append(follower)
    return any(_is_convolved(flow, atlas, flow.index[i]) for i in op.inputs if i in flow.index)


def _is_convolved(flow: Dataflow, atlas: Atlas, node: int) -> bool:
    """Whether the last layer before a node is a convolution or the like; a DenseNet asks for each part again and again."""
    known = atlas.convolved.get(node)
    if known is None:
        known = atlas.convolved[node] = _follows_convolution(flow, node)
    return known


def _follows_convolution(flow: Dataflow, node: int) -> bool:
    """Whether the last layer before a node, a few simple steps back, is one that keeps channels second."""
    for _ in range(windows.PART):
        op = flow.ops[node]
        if op is not None and (op.type in CONVS or op.type in ("BatchNormalization", "MaxPool")):
            return True
        step = flow.step_back(node)
        if step is None or step.effect not in (Effect.SCALE, Effect.BIAS, Effect.ACTIVATION):
            return False
        node = step.before
    return False
