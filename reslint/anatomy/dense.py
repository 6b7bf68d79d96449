"""A concatenation in, the verdict on it out: dense where a block's own input is kept beside what was made of it."""

from __future__ import annotations

from reslint.anatomy.flow import Flow
from reslint.anatomy.objections import changes_resolution, only_gates
from reslint.anatomy.ops import CONVS, PRODUCTS
from reslint.anatomy.path import Effect
from reslint.anatomy.region import Atlas
from reslint.anatomy.route import Route, routes
from reslint.anatomy.values import Kind, Role
from reslint.anatomy.verdict import Verdict
from reslint.net import Op

_NEAR = 12  # ops to look ahead for the layer that reads a concatenation


def concat(flow: Flow, atlas: Atlas, op: Op) -> Verdict:
    parts = tuple(dict.fromkeys(flow.index[i] for i in op.inputs if i in flow.index))
    if not _joins_channels(flow, op):
        return Verdict(op, None, Role.OTHER, "joins along positions, not channels")
    newest = max(parts)
    for part in sorted(parts, reverse=True):
        if part == newest:
            continue
        for route in routes(flow, atlas, part, newest):
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
    if only_gates(flow, atlas, route):
        return Role.CONDITION, "one part only gates another"
    if changes_resolution(region) or sum(n in atlas.residual and n not in atlas.dense for n in region.inner) > 1:
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
