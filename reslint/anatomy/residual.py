"""Flow in, one verdict per merge out: a residual connection with its sides, or the role that the merge has instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reslint.anatomy.flow import Flow
from reslint.anatomy.ops import LAYOUT, SLICING, is_learned, is_work
from reslint.anatomy.path import Effect, Step, step_back, walk_back
from reslint.anatomy.region import Atlas, Region
from reslint.anatomy.values import Kind, Role
from reslint.net import Op

SUMS = frozenset({"Add", "Sum", "QLinearAdd"})
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
        if op is None or len(flow.preds[node]) < 2:
            if op is not None and op.type in SUMS and _doubled(flow, op):
                yield Verdict(op, None, Role.OTHER, "adds a tensor to itself")
            continue
        if op.type in SUMS:
            verdict = _sum(flow, atlas, op, flow.preds[node])
        elif op.type in ("Concat", "QLinearConcat"):
            verdict = _concat(flow, atlas, op)
        else:
            continue
        if verdict.region is not None:
            atlas.record(node, verdict.region)
        yield verdict


def _doubled(flow: Flow, op: Op) -> bool:
    return len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and flow.net.is_data(op.inputs[0])


def _sum(flow: Flow, atlas: Atlas, op: Op, sides: tuple[int, ...]) -> Verdict:
    routes = [r for a, b in _pairs(sides) for r in _routes(flow, atlas, a, b)]
    routes.sort(key=_cost)
    role, reason = Role.FUSE, "neither side reaches the other along a shortcut"
    for route in routes:
        no = _objection(flow, op, route)
        if no is None:
            kind, why = _kind(route)
            return Verdict(op, kind, Role.OTHER, why, route.fork, (route.side, route.other), route.steps, route.region)
        role, reason = no
    return Verdict(op, None, role, reason)


def _pairs(sides: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for a in sides:
        for b in sides:
            if a != b:
                yield a, b


def _cost(route: Route) -> tuple[int, int]:
    """Shortcuts that do less come first."""
    heavy = {Effect.LEARNED: 8, Effect.POOL: 4, Effect.RESAMPLE: 4, Effect.GATE: 3, Effect.ACTIVATION: 2, Effect.NORM: 2, Effect.SCALE: 1}
    return max((heavy.get(s.effect, 0) for s in route.steps), default=0), len(route.steps)


def _routes(flow: Flow, atlas: Atlas, side: int, other: int) -> Iterator[Route]:
    """The nearest fork behind one side that feeds the other side, too."""
    region = atlas.between(side, other)
    if region is not None:
        yield Route(side, other, (), side, region)
        return
    steps: list[Step] = []
    for step in walk_back(flow, side):
        if step.effect is Effect.ACTIVATION and any(s.effect in (Effect.LEARNED, Effect.ACTIVATION) for s in steps):
            return
        if step.effect is Effect.LEARNED and any(s.effect is Effect.ACTIVATION for s in steps):
            return
        steps.append(step)
        region = atlas.between(step.before, other)
        if region is not None:
            yield Route(side, other, tuple(steps), step.before, region)
            return


def _objection(flow: Flow, op: Op, route: Route) -> tuple[Role, str] | None:
    """Why a route is no residual connection."""
    effects, region = route.effects, route.region
    if not region.work:
        return Role.ARITHMETIC, "nothing between fork and merge learns or gathers"
    if Effect.SLICE in effects and all(_is_slicing(flow, e) for e in region.entries):
        return Role.SLICES, "the sides are different parts of one tensor"
    if _feeds_softmax(flow, op):
        return Role.ATTENTION, "a term of attention scores"
    if _stretched(flow, op, route):
        return Role.CONDITION, "a vector is spread over the stream"
    if region.down and region.up and (region.inner or Effect.LEARNED in effects):
        return Role.UNET, "joins across a change of resolution"
    if Effect.LEARNED in effects and not (region.nonlinear or region.mixing):
        return Role.FUSE, "both sides are linear in their input"
    if Effect.LEARNED in effects and not _is_projection(flow, route):
        return Role.FUSE, "both sides do learned work"
    return None


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
    if Effect.LEARNED not in route.effects or out is None or side is None or fork is None:
        return False
    ones = sum(d == 1 for d in side) + max(0, len(out) - len(side))
    return ones > sum(d == 1 for d in out) and sum(d != 1 for d in fork) < sum(d != 1 for d in out)


def _is_projection(flow: Flow, route: Route) -> bool:
    """Whether the learned work on a shortcut only fits shapes: one pointwise or patch-wise layer."""
    learned = [op for s in route.steps if s.effect is Effect.LEARNED for op in s.ops]
    return len(learned) == 1 and all(_is_pointwise(op) for op in learned)


def _is_pointwise(op: Op) -> bool:
    kernel = op.integers("kernel_shape")
    return kernel is None or all(k <= max(s, 1) for k, s in zip(kernel, op.integers("strides") or (1,) * len(kernel), strict=True))


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
            no = _dense_objection(flow, route)
            if no is None:
                return Verdict(
                    op, Kind.DENSE, Role.OTHER, "an input is kept beside what was made of it", route.fork, (part, newest), route.steps, route.region
                )
            return Verdict(op, None, *no)
    return Verdict(op, None, Role.BRANCH, "parallel branches side by side")


def _dense_objection(flow: Flow, route: Route) -> tuple[Role, str] | None:
    region, effects = route.region, route.effects
    if effects - {Effect.LAYOUT}:
        return Role.BRANCH, "each part does work of its own"
    if not region.learned:
        return Role.ARITHMETIC, "nothing learned between the parts"
    if region.down and region.up:
        return Role.UNET, "joins across a change of resolution"
    return None


def _joins_channels(flow: Flow, op: Op) -> bool:
    shape = flow.net.shape(op.id)
    rank = len(shape) if shape is not None else 4
    axis = op.integer("axis", 1)
    return rank >= 2 and (axis % rank) in ({1, rank - 1} if rank > 2 else {1})


__all__ = ["Route", "Verdict", "is_learned", "is_work", "step_back", "verdicts"]
