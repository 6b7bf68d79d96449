"""Dataflow in, one verdict per merge out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reslint.anatomy.detect.concat import concat, without_lone_ladders
from reslint.anatomy.detect.gated import gate
from reslint.anatomy.detect.grounds import Candidate
from reslint.anatomy.detect.objections import Objection, to_sum
from reslint.anatomy.detect.region import Atlas, TooManyWays
from reslint.anatomy.detect.shortcut_search import Route, nearest
from reslint.anatomy.detect.verdict import Further, Verdict
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import SKIP_NORMS, SUMS, adds_to_itself, fused_sum, is_reduction, is_square
from reslint.anatomy.graph.steps import Effect
from reslint.anatomy.graph.traits import LEARNED, NONLINEAR
from reslint.anatomy.values import Kind, Role
from reslint.net import Op

_ITSELF = "the stream itself reaches the merge"


def verdicts(flow: Dataflow) -> Iterator[Verdict]:
    """A verdict for each op that brings two data tensors together by addition or concatenation, in topological order."""
    atlas = Atlas(flow)
    found: list[Verdict] = []
    ends: dict[int, int] = {}  # the places of the verdicts whose merged stream a node is
    for node, (op, made_of) in enumerate(zip(flow.ops, flow.preds, strict=True)):
        if op is None or len(made_of) < 2 and op.type not in SUMS:
            continue
        atlas.begin()
        try:
            verdict = _verdict(flow, atlas, node, op)
        except TooManyWays as many:
            why = f"not analysed: more than {many.number} ways lead here"
            verdict = Verdict(op, None, Role.OTHER, why, analysed=False)
        if verdict is None:
            continue
        if verdict.region is not None:
            atlas.record(node, verdict.region)
        if verdict.kind is not None:
            atlas.residual.add(node)
            ends[node] = len(found)
        elif verdict.role is Role.FUSE and (more := _further(flow, atlas, op, found, ends)) is not None:
            place, further = more
            found[place] = found[place]._replace(further=(*found[place].further, further))
            verdict = verdict._replace(reason="a further branch of the block before it")
            ends[node] = place
        if verdict.kind is Kind.DENSE:
            atlas.dense.add(node)
        found.append(verdict)
    yield from without_lone_ladders(flow, atlas, found)


def _further(
    flow: Dataflow, atlas: Atlas, op: Op, found: Sequence[Verdict], ends: Mapping[int, int]
) -> tuple[int, Further] | None:
    """The residual connection whose merged stream only this sum reads, to add one more branch of the same fork."""
    sides = [flow.index[i] for i in op.inputs if i in flow.index]
    if op.type not in SUMS or len(sides) != 2:
        return None
    for stream, branch in (sides, sides[::-1]):
        before = found[ends[stream]] if stream in ends else None
        if before is None or before.kind is not Kind.IDENTITY or before.steps:
            continue
        if len(flow.net.consumers[flow.names[stream]]) > 1:
            continue
        region = atlas.between(before.fork, branch) if atlas.between(stream, branch) is None else None
        if region is not None and region.has(LEARNED) and branch not in ends:
            return ends[stream], Further(op, branch, region)
    return None


def _verdict(flow: Dataflow, atlas: Atlas, node: int, op: Op) -> Verdict | None:
    """What the op behind a node is as a merge; None where it brings nothing together, or ends a normalization."""
    if op.type in ("Add", "Sub") and op.id in flow.norms:
        return None
    if len(flow.preds[node]) < 2:
        return Verdict(op, None, Role.OTHER, "adds a tensor to itself") if adds_to_itself(op) else None
    if op.type in SUMS or op.type in SKIP_NORMS or _is_fused(flow, node, op):
        return _sum(flow, atlas, op, flow.preds[node])
    if op.type == "Sub" and len(op.data) == len(op.inputs) == 2:
        verdict = _difference(flow, atlas, op)
        return verdict if verdict.kind is not None else None
    return concat(flow, atlas, op) if op.type in ("Concat", "QLinearConcat") else None


def _is_fused(flow: Dataflow, node: int, op: Op) -> bool:
    """Whether a node is where a fused op adds a tensor to its product."""
    added = fused_sum(op)
    return added in flow.index and flow.index[added] in flow.preds[node] and flow.names[node] in op.outputs


def _difference(flow: Dataflow, atlas: Atlas, op: Op) -> Verdict:
    """The verdict on `x - F(x)`, a residual connection whose branch is subtracted."""
    stream, branch = flow.index[op.inputs[0]], flow.index[op.inputs[1]]
    region = atlas.between(stream, branch)
    if (
        region is None
        or not region.has(LEARNED | NONLINEAR)
        or _is_weighed(flow, op)
        or _is_deviation(flow, op, branch)
    ):
        return Verdict(op, None, Role.ARITHMETIC, "a difference")
    return Verdict(op, Kind.IDENTITY, Role.OTHER, "the stream, less its branch", stream, (stream, branch), (), region)


def _is_weighed(flow: Dataflow, op: Op) -> bool:
    """Whether all that happens to a difference is that a gate scales it, as in `v + g * (u - v)`."""
    after = flow.net.consumers.get(op.id, ())
    return bool(after) and all(c.type == "Mul" and len(c.data) > 1 for c in after)


def _is_deviation(flow: Dataflow, op: Op, branch: int) -> bool:
    """Whether a difference is that from a mean: what is subtracted ends as a summary of whole axes, or all is squared."""
    after = flow.net.consumers.get(op.id, ())
    if after and all(is_square(flow.net, c) for c in after):
        return True
    step = flow.step_back(branch)
    while step is not None and step.effect in (Effect.LAYOUT, Effect.SCALE, Effect.BIAS):
        branch = step.before
        step = flow.step_back(branch)
    maker = flow.ops[branch]
    return maker is not None and is_reduction(maker)


def _sum(flow: Dataflow, atlas: Atlas, op: Op, sides: tuple[int, ...]) -> Verdict:
    gated = gate(flow, atlas, op, sides)
    if gated is not None:
        return gated
    refused: Objection | None = None
    for route in _by_cost(flow, atlas, sides):
        objection = to_sum(Candidate(flow, atlas, op, route))
        if objection is None:
            kind, why = _kind(route)
            return Verdict(op, kind, Role.OTHER, why, route.fork, (route.side, route.other), route.steps, route.region)
        refused = refused or objection  # the best route's
    if refused is None:
        return Verdict(op, None, Role.FUSE, "neither side reaches the other along a shortcut")
    return Verdict(op, None, refused.role, refused.reason, objection=refused)


def _by_cost(flow: Dataflow, atlas: Atlas, sides: tuple[int, ...]) -> Iterator[Route]:
    """The routes between the sides of a sum; the one that does least to its shortcut first."""
    found = []
    for a, b in _pairs(flow, sides):
        route = nearest(flow, atlas, a, b)
        if route is not None and not route.steps:
            yield route
        elif route is not None:
            found.append(route)
    yield from sorted(found, key=_cost)


def _pairs(flow: Dataflow, sides: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for a in flow.by_age(sides):  # what was made first can be the stream, what came later can't
        for b in sides:
            if a != b:
                yield a, b


def _cost(route: Route) -> tuple[int, int]:
    """Shortcuts that do less come first."""
    heavy = {
        Effect.LEARNED: 8,
        Effect.SUM: 8,
        Effect.POOL: 4,
        Effect.RESAMPLE: 4,
        Effect.ACTIVATION: 2,
        Effect.NORM: 2,
        Effect.SCALE: 1,
    }
    return max((heavy.get(s.effect, 0) for s in route.steps), default=0), len(route.steps)


def _kind(route: Route) -> tuple[Kind, str]:
    if not route.steps:
        return Kind.IDENTITY, _ITSELF
    effects = route.effects
    if effects & {Effect.LEARNED, Effect.POOL, Effect.RESAMPLE}:
        return Kind.PROJECTION, "the shortcut does learned or pooling work"
    if effects & {Effect.SCALE, Effect.NORM, Effect.ACTIVATION}:
        return Kind.SCALED, "the shortcut is scaled or normalized"
    return Kind.IDENTITY, _ITSELF
