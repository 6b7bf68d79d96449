"""Flow in, one verdict per merge out: a residual connection with its sides, or the role that the merge has instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reslint.anatomy.flow import Flow, fused_sum
from reslint.anatomy.ops import CONVS, LAYOUT, PRODUCTS, SKIP_NORMS, SLICING, is_depthwise
from reslint.anatomy.path import LONGEST, Effect, Step, step_back
from reslint.anatomy.region import Atlas, Region
from reslint.anatomy.values import Kind, Role
from reslint.net import Op
from reslint.net.weights import scalar

SUMS = frozenset({"Add", "Sum", "QLinearAdd"})
DOUBLED = "adds a tensor to itself"
_RESHAPING = frozenset({Effect.LEARNED, Effect.POOL, Effect.RESAMPLE})
_NEAR = 12  # ops to look ahead for the layer that reads a concatenation
_LOGITS = 12  # ops between attention scores and their softmax at most


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a merge is. `kind` is None where it is no residual connection; then `role` says what it is instead."""

    op: Op
    kind: Kind | None
    role: Role
    reason: str
    fork: int = -1
    sides: tuple[int, int] = (-1, -1)
    steps: tuple[Step, ...] = ()
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A way back from one side of a merge to a fork that also feeds the other side."""

    side: int
    other: int
    steps: tuple[Step, ...]
    fork: int
    region: Region

    @property
    def effects(self) -> frozenset[Effect]:
        """What happens to the stream on the way."""
        return frozenset(s.effect for s in self.steps)


def verdicts(flow: Flow) -> Iterator[Verdict]:
    """A verdict for each op that brings two data tensors together by addition or concatenation, in topological order."""
    atlas = Atlas(flow)
    for node, op in enumerate(flow.ops):
        if op is None:
            continue
        if len(flow.preds[node]) < 2:
            if op.type in SUMS and _doubled(flow, op):
                yield Verdict(op, None, Role.OTHER, DOUBLED)
            continue
        if op.type in SUMS or op.type in SKIP_NORMS or _is_fused(flow, node, op):
            verdict = _sum(flow, atlas, op, flow.preds[node])
        elif op.type == "Sub":
            verdict = _difference(flow, atlas, op)
            if verdict.kind is None:
                continue
        elif op.type in ("Concat", "QLinearConcat"):
            verdict = _concat(flow, atlas, op)
        else:
            continue
        if verdict.region is not None:
            atlas.record(node, verdict.region)
        if verdict.kind is not None:
            atlas.residual.add(node)
        if verdict.kind is Kind.DENSE:
            atlas.dense.add(node)
        yield verdict


def _is_fused(flow: Flow, node: int, op: Op) -> bool:
    """Whether a node is where a fused op adds a tensor to its product."""
    added = fused_sum(op)
    return added in flow.index and flow.index[added] in flow.preds[node] and flow.names[node] in op.outputs


def _difference(flow: Flow, atlas: Atlas, op: Op) -> Verdict:
    """The verdict on `x - F(x)`, a residual connection whose branch is subtracted."""
    stream, branch = flow.index[op.inputs[0]], flow.index[op.inputs[1]]
    region = atlas.between(stream, branch)
    if region is None or not region.learned or not region.nonlinear:
        return Verdict(op, None, Role.ARITHMETIC, "a difference")
    return Verdict(op, Kind.IDENTITY, Role.OTHER, "the stream, less its branch", stream, (stream, branch), (), region)


def _doubled(flow: Flow, op: Op) -> bool:
    return len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and flow.net.is_data(op.inputs[0])


def _sum(flow: Flow, atlas: Atlas, op: Op, sides: tuple[int, ...]) -> Verdict:
    routes = [r for a, b in _pairs(sides) for r in _routes(flow, atlas, a, b)]
    routes.sort(key=_cost)
    gated = _gate(flow, atlas, op)
    if gated is not None:
        return gated
    role, reason = Role.FUSE, "neither side reaches the other along a shortcut"
    for route in routes:
        no = _objection(flow, atlas, op, route)
        if no is None:
            kind, why = _kind(route)
            return Verdict(op, kind, Role.OTHER, why, route.fork, (route.side, route.other), route.steps, route.region)
        role, reason = no
    return Verdict(op, None, role, reason)


def _gate(flow: Flow, atlas: Atlas, op: Op) -> Verdict | None:
    """The verdict on `g * u + (1 - g) * v` and its other spelling `v + g * (u - v)`, where one of u and v is made of the other."""
    if len(op.inputs) != 2:
        return None
    for u, v in _mixed(flow, op):
        for side, other in ((u, v), (v, u)):
            for route in _routes(flow, atlas, side, other):
                if route.region.learned:
                    why = "a gate mixes the stream with the branch"
                    sides = (flow.index[op.inputs[0]], flow.index[op.inputs[1]])
                    whole = atlas.between(route.fork, flow.index[op.id]) or route.region
                    return Verdict(op, Kind.GATED, Role.OTHER, why, route.fork, sides, route.steps, whole)
    return None


def _mixed(flow: Flow, op: Op) -> Iterator[tuple[int, int]]:
    """What a gate mixes: u, v of `g * u + (1 - g) * v` and of `v + g * (u - v)`; the gate itself depends on data."""
    net = flow.net
    makers = [net.producer.get(i) for i in op.inputs]
    first, second = makers
    if first is not None and second is not None and first.type == second.type == "Mul":
        for u, g in (first.inputs, first.inputs[::-1]):
            for v, h in (second.inputs, second.inputs[::-1]):
                if net.is_data(g) and net.is_data(h) and (_is_complement(flow, g, h) or _is_complement(flow, h, g)):
                    if u in flow.index and v in flow.index:
                        yield flow.index[u], flow.index[v]
    for v, maker in zip(op.inputs, reversed(makers), strict=True):
        if maker is None or maker.type != "Mul":
            continue
        for difference, g in (maker.inputs, maker.inputs[::-1]):
            minus = net.producer.get(difference)
            if (
                minus is not None
                and minus.type == "Sub"
                and minus.inputs[1] == v
                and minus.inputs[0] in flow.index
                and net.is_data(g)
            ):
                yield flow.index[minus.inputs[0]], flow.index[v]


def _is_complement(flow: Flow, gate: str, other: str) -> bool:
    """Whether `other` is 1 - gate."""
    minus = flow.net.producer.get(other)
    return (
        minus is not None and minus.type == "Sub" and minus.inputs[1] == gate and scalar(flow.net, minus.inputs[0]) == 1
    )


def _pairs(sides: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for a in sides:
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


def _routes(flow: Flow, atlas: Atlas, side: int, other: int) -> Iterator[Route]:
    """The nearest fork behind one side that feeds the other side, too."""
    region = atlas.between(side, other)
    if region is not None:
        yield Route(side, other, (), side, region)
        return
    found = _search(flow, atlas, side, other, (), LONGEST)
    if found is not None:
        yield Route(side, other, *found)


def _search(
    flow: Flow, atlas: Atlas, node: int, other: int, steps: tuple[Step, ...], left: int
) -> tuple[tuple[Step, ...], int, Region] | None:
    """Walk back from a node until one that feeds `other`; where linear streams are summed or joined, along each of them."""
    step = step_back(flow, node) if left else None
    if step is not None:
        if not _may_follow(steps, step.effect):
            return None
        region = atlas.between(step.before, other)
        if region is not None:
            return (*steps, step), step.before, region
        return _search(flow, atlas, step.before, other, (*steps, step), left - 1)
    op = flow.ops[node]
    if not left or op is None or op.type not in SUMS | {"Concat"} or node in atlas.residual:
        return None
    if any(s.effect is Effect.ACTIVATION for s in steps):
        return None
    for before in flow.preds[node]:
        found = _search(flow, atlas, before, other, (*steps, Step(Effect.SUM, (op,), before)), left // 2)
        if found is not None:
            return found
    return None


def _may_follow(steps: tuple[Step, ...], effect: Effect) -> bool:
    """Whether a shortcut may do this, too: a learned layer behind an activation makes it a branch."""
    before = {s.effect for s in steps}
    if effect is Effect.ACTIVATION:
        return not before & {Effect.LEARNED, Effect.ACTIVATION, Effect.SUM}
    return effect is not Effect.LEARNED or Effect.ACTIVATION not in before


def _objection(flow: Flow, atlas: Atlas, op: Op, route: Route) -> tuple[Role, str] | None:
    """Why a route is no residual connection."""
    effects, region = route.effects, route.region
    if not region.work:
        return Role.ARITHMETIC, "nothing between fork and merge learns or gathers"
    if _is_gate_sum(flow, op):
        return Role.ARITHMETIC, "gate arithmetic"
    if Effect.LEARNED in effects and _is_in_attention(flow, route):
        return Role.ATTENTION, "a term of an attention's output"
    if effects & _RESHAPING and _only_gates(flow, atlas, route):
        return Role.CONDITION, "one side only gates the other"
    if Effect.SLICE in effects and all(_is_slicing(flow, e) for e in region.entries):
        return Role.SLICES, "the sides are different parts of one tensor"
    if _feeds_softmax(flow, op):
        return Role.ATTENTION, "a term of attention scores"
    if _stretched(flow, op, route):
        return Role.CONDITION, "a vector is spread over the stream"
    if _changes_resolution(region) and (region.inner or Effect.LEARNED in effects):
        return Role.UNET, "joins across a change of resolution"
    if Effect.LEARNED in effects and not (region.nonlinear or region.mixing):
        return Role.FUSE, "both sides are linear in their input"
    if Effect.LEARNED in effects and not _is_projection(flow, route):
        return Role.FUSE, "both sides do learned work"
    return None


def _changes_resolution(region: Region) -> bool:
    return region.down and region.up and not region.level


def _is_gate_sum(flow: Flow, merge: Op) -> bool:
    """Whether all that happens to a sum is that a sigmoid makes a gate of it."""
    after = [c for o in merge.outputs for c in flow.net.consumers.get(o, ())]
    return bool(after) and all(c.type in ("Sigmoid", "HardSigmoid") for c in after)


def _is_in_attention(flow: Flow, route: Route) -> bool:
    """Whether the fork is a query, or attention's weights: what it feeds first is a product of two data tensors."""
    fork = flow.ops[route.fork]
    if fork is not None and fork.type == "Softmax":
        return True
    todo = list(route.region.entries)
    inside = set(route.region.nodes)
    while todo:
        node = todo.pop()
        op = flow.op(node)
        if flow.facts[node].interaction:
            continue
        if op.type not in LAYOUT | SLICING and op.type not in ("Mul", "Div", "Pad"):
            return False
        todo.extend(
            n for o in op.outputs for c in flow.net.consumers.get(o, ()) for n in _outputs(flow, c) if n in inside
        )
    return True


def _outputs(flow: Flow, op: Op) -> tuple[int, ...]:
    return tuple(flow.index[o] for o in op.outputs if o in flow.index)


def _only_gates(flow: Flow, atlas: Atlas, route: Route) -> bool:
    """Whether the fork reaches the other side only as a factor between 0 and 1 on something else."""
    op = flow.ops[route.other]
    if op is None or op.type != "Mul" or len(op.inputs) != 2:
        return False
    for gate, value in (op.inputs, op.inputs[::-1]):
        maker = flow.net.producer.get(gate)
        if maker is not None and maker.type in ("Sigmoid", "HardSigmoid", "Softmax") and value in flow.index:
            return flow.index[value] != route.fork and atlas.between(route.fork, flow.index[value]) is None
    return False


def _is_slicing(flow: Flow, node: int) -> bool:
    return flow.op(node).type in SLICING


def _feeds_softmax(flow: Flow, merge: Op) -> bool:
    """Whether a sum becomes attention weights: a softmax follows with nothing learned between."""
    todo, seen = [merge], 0
    while todo and seen < _LOGITS:
        op = todo.pop()
        seen += 1
        for output in op.outputs:
            for after in flow.net.consumers.get(output, ()):
                if after.type in ("Softmax", "LogSoftmax"):
                    return True
                if after.type in LAYOUT or after.type in ("Mul", "Div", "Add", "Sub", "Where", "Clip", "Tanh"):
                    todo.append(after)
    return False


def _stretched(flow: Flow, op: Op, route: Route) -> bool:
    """Whether the shortcut starts from a vector that was smaller than the merge all along."""
    out, side, fork = (flow.net.shape(n) for n in (op.id, flow.names[route.side], flow.names[route.fork]))
    if out is None or side is None or fork is None:
        return False
    if Effect.LEARNED not in route.effects and len(fork) >= len(out) and (route.steps or not route.region.inner):
        return False  # what was as large as the sum and is no more is a defect, and no condition
    ones = sum(d == 1 for d in side) + max(0, len(out) - len(side))
    return ones > sum(d == 1 for d in out) and sum(d != 1 for d in fork) < sum(d != 1 for d in out)


def _is_projection(flow: Flow, route: Route) -> bool:
    """Whether the learned work on a shortcut only fits shapes: one pointwise or patch-wise layer, channels kept apart before."""
    learned = [op for s in route.steps if s.effect is Effect.LEARNED for op in s.ops]
    full = [op for op in learned if not is_depthwise(flow.net, op) or _is_pointwise(op)]
    return len(full) == 1 and all(_is_pointwise(op) for op in full)


def _is_pointwise(op: Op) -> bool:
    kernel = op.integers("kernel_shape")
    return kernel is None or all(
        k <= max(s, 1) for k, s in zip(kernel, op.integers("strides") or (1,) * len(kernel), strict=True)
    )


def _kind(route: Route) -> tuple[Kind, str]:
    effects = route.effects
    if effects & {Effect.LEARNED, Effect.POOL, Effect.RESAMPLE}:
        return Kind.PROJECTION, "the shortcut does learned or pooling work"
    if effects & {Effect.SCALE, Effect.NORM, Effect.ACTIVATION}:
        return Kind.SCALED, "the shortcut is scaled or normalized"
    return Kind.IDENTITY, "the stream itself reaches the merge"


def _concat(flow: Flow, atlas: Atlas, op: Op) -> Verdict:
    parts = tuple(dict.fromkeys(flow.index[i] for i in op.inputs if i in flow.index))
    if not _joins_channels(flow, op):
        return Verdict(op, None, Role.OTHER, "joins along positions, not channels")
    newest = max(parts)
    for part in sorted(parts, reverse=True):
        if part == newest:
            continue
        for route in _routes(flow, atlas, part, newest):
            no = _dense_objection(flow, atlas, op, route)
            if no is None:
                return Verdict(
                    op,
                    Kind.DENSE,
                    Role.OTHER,
                    "an input is kept beside what was made of it",
                    route.fork,
                    (part, newest),
                    route.steps,
                    route.region,
                )
            return Verdict(op, None, *no)
    return Verdict(op, None, Role.BRANCH, "parallel branches side by side")


def _dense_objection(flow: Flow, atlas: Atlas, op: Op, route: Route) -> tuple[Role, str] | None:
    region, effects = route.region, route.effects
    if effects - {Effect.LAYOUT}:
        return Role.BRANCH, "each part does work of its own"
    if not region.learned:
        return Role.ARITHMETIC, "nothing learned between the parts"
    if _only_gates(flow, atlas, route):
        return Role.CONDITION, "one part only gates another"
    if _changes_resolution(region) or sum(n in atlas.residual and n not in atlas.dense for n in region.inner) > 1:
        return Role.UNET, "joins across other blocks or a change of resolution"
    return None


def _joins_channels(flow: Flow, op: Op) -> bool:
    """Whether a concatenation is along channels: the last axis for what a matrix product reads, else the second."""
    shapes = [flow.net.shape(i) for i in op.inputs]
    known = next((s for s in shapes if s is not None), None)
    if known is None:
        return op.integer("axis", 1) in (1, -1)
    rank = len(known)
    axis = op.integer("axis", 1) % rank
    if rank < 2 or all(s is not None and s[axis] == 1 for s in shapes):
        return False
    return axis == 1 if rank == 2 or _meets_convolution(flow, op) else axis == rank - 1


def _meets_convolution(flow: Flow, op: Op) -> bool:
    """Whether the first layer behind a concatenation, or the last before it, is a convolution."""
    todo, seen = [op], 0
    while todo and seen < _NEAR:
        after = todo.pop(0)
        seen += 1
        for follower in (c for o in after.outputs for c in flow.net.consumers.get(o, ())):
            if follower.type in CONVS:
                return True
            if follower.type in PRODUCTS or follower.type in ("LayerNormalization", "Transpose", "Reshape"):
                continue
            todo.append(follower)
    before = [flow.net.producer.get(i) for i in op.inputs]
    return any(b is not None and (b.type in CONVS or b.type in ("BatchNormalization", "MaxPool")) for b in before)
