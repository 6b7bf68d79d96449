"""A route in, why it makes no residual connection out: each objection is a trap seen in real networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from reslint.anatomy.detect.backtrace import Effect, step_back
from reslint.anatomy.detect.region import Atlas
from reslint.anatomy.detect.shortcut_search import Route
from reslint.anatomy.detect.verdict import SUMS
from reslint.anatomy.graph.dataflow import Flow
from reslint.anatomy.graph.ops import CONVS, LAYOUT, SLICING, is_depthwise, is_downsampling, kernel
from reslint.anatomy.graph.traits import DOWN, INTERACTION, LEARNED, MIXING, NONLINEAR, UP, WORK
from reslint.anatomy.values import Role
from reslint.net import Net, Op

_DOWN_AND_UP = frozenset({Effect.POOL, Effect.RESAMPLE})
_RESHAPING = frozenset({Effect.LEARNED, Effect.POOL, Effect.RESAMPLE})
_GATES = frozenset({"Sigmoid", "HardSigmoid"})
_SHIFTING = LAYOUT | {"Add", "Sub", "Mul"}
_PARTS = LAYOUT | SLICING | {"Mul", "Div", "Pad"}
_NEAR = 6  # ops between a sum, or a condition, and what becomes of it
_PLAIN = frozenset({Effect.LAYOUT, Effect.BIAS, Effect.SLICE})
_LOGITS = 12  # ops between attention scores and their softmax at most


class Case(NamedTuple):
    """A merge, and a route that would make it a residual connection."""

    flow: Flow
    atlas: Atlas
    merge: Op
    route: Route

    @property
    def projects(self) -> bool:
        """Whether something learned sits on the shortcut."""
        return Effect.LEARNED in self.route.effects


def objection(flow: Flow, atlas: Atlas, op: Op, route: Route) -> tuple[Role, str] | None:
    """Why a route is no residual connection: the first objection that holds, None where none does."""
    case = Case(flow, atlas, op, route)
    # a shortcut that is the stream itself, as most are, does nothing to object to
    rows = _OBJECTIONS if route.steps else _TO_BRANCHES
    for row in rows:
        if row.holds(case):
            return row.role, row.reason
    return None


def changes_resolution(flow: Flow, route: Route) -> bool:
    """Whether the branch goes down and comes up again; where the shortcut goes down itself, it is a smaller block."""
    region = route.region
    smaller = any(is_downsampling(flow.net, op) for step in route.steps for op in step.ops)
    return region.has(DOWN | UP) and not region.level and not smaller


def _is_resampled(flow: Flow, node: int) -> bool:
    """Whether the last thing that happened to a tensor is a resampling."""
    step = step_back(flow, node)
    while step is not None and step.effect is Effect.LAYOUT:
        step = step_back(flow, step.before)
    return step is not None and step.effect is Effect.RESAMPLE


def _is_term(flow: Flow, merge: Op) -> bool:
    """Whether a sum is only read by another sum, whose other side is a layer's output, too (WaveNet's skips)."""
    after = flow.net.consumers.get(merge.id, ())
    if len(after) != 1 or after[0].type not in SUMS:
        return False
    others = [flow.index[i] for i in after[0].inputs if i in flow.index and i != merge.id]
    steps = [step_back(flow, other) for other in others]
    if any(other < node for other in others for node in (flow.index[i] for i in merge.inputs if i in flow.index)):
        return False  # what was there before is a stream, and no further term
    return bool(steps) and all(s is not None and s.effect in (Effect.LEARNED, Effect.BIAS) for s in steps)


def _is_condition(case: Case) -> bool:
    """Whether the fork enters the other side only by pointwise layers that are added to what doesn't come from it."""
    flow, atlas, route = case.flow, case.atlas, case.route
    inside = set(route.region.nodes)
    foreign = False
    for node in route.region.entries:
        came = node
        for _ in range(_NEAR):
            op = flow.op(node)
            if op.type in SUMS and len(flow.preds[node]) > 1:
                break
            step = step_back(flow, node)
            after = [n for o in op.outputs for c in flow.net.consumers.get(o, ()) for n in _outputs(flow, c)]
            layer = bool(flow.does[node] & LEARNED) and _is_pointwise(flow.net, op)
            if len(after) != 1 or after[0] not in inside or not layer and (step is None or step.effect not in _PLAIN):
                return False
            came, node = node, after[0]
        if node in atlas.residual or flow.op(node).type not in SUMS:
            return False
        others = [p for p in flow.preds[node] if p != came]
        foreign = foreign or all(atlas.between(route.fork, p) is None for p in others)
    return foreign


def _is_gate_sum(flow: Flow, merge: Op) -> bool:
    """Whether all that happens to a sum is that it becomes a gate: a sigmoid, or a tanh that is multiplied (GRU, GTrXL)."""
    name = merge.id
    for _ in range(_NEAR):
        after = flow.net.consumers.get(name, ())
        kinds = {c.type for c in after}
        if kinds <= _GATES:
            return bool(kinds)
        if len(after) > 1:
            return False
        if after[0].type == "Tanh":
            factors = flow.net.consumers.get(after[0].id, ())
            return bool(factors) and all(c.type in ("Mul", "Sub") for c in factors)
        if after[0].type not in _SHIFTING or len(after[0].data) != 1:
            return False
        name = after[0].id
    return False


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
        if flow.does[node] & INTERACTION:
            continue
        if op.type not in _PARTS:
            return False
        todo.extend(
            n for o in op.outputs for c in flow.net.consumers.get(o, ()) for n in _outputs(flow, c) if n in inside
        )
    return True


def _outputs(flow: Flow, op: Op) -> tuple[int, ...]:
    return tuple(flow.index[o] for o in op.outputs if o in flow.index)


def only_gates(flow: Flow, atlas: Atlas, route: Route) -> bool:
    """Whether the fork reaches the other side only as a factor between 0 and 1 on something else."""
    op = flow.ops[route.other]
    if op is None or op.type != "Mul" or len(op.inputs) != 2:
        return False
    for gate, value in (op.inputs, op.inputs[::-1]):
        maker = flow.net.producer.get(gate)
        if maker is not None and maker.type in ("Sigmoid", "HardSigmoid", "Softmax") and value in flow.index:
            return flow.index[value] != route.fork and atlas.between(route.fork, flow.index[value]) is None
    return False


def all_slices(flow: Flow, route: Route) -> bool:
    """Whether all that the branch takes of the fork are slices, too."""
    return all(flow.op(e).type in SLICING for e in route.region.entries)


def _is_coupled(flow: Flow, route: Route) -> bool:
    """Whether the other slice is a stream of its own, which goes on beside its branch (reversible halves)."""
    for node in route.region.entries:
        readers = flow.net.consumers.get(flow.names[node], ())
        if len(readers) > 1 and any(_is_joined(flow, c) for c in readers):
            return True
    return False


def _is_joined(flow: Flow, op: Op) -> bool:
    """Whether an op is a sum or a concatenation, or only lays out what one reads."""
    for _ in range(_NEAR):
        if op.type in SUMS or op.type == "Concat":
            return True
        after = flow.net.consumers.get(op.id, ())
        if op.type not in LAYOUT or len(after) != 1:
            return False
        op = after[0]
    return False


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
    out, side = flow.net.shape(op.id), flow.net.shape(flow.names[route.side])
    if out is None or side is None or side == out:
        return False
    fork = flow.net.shape(flow.names[route.fork])
    if fork is None:
        return False
    if Effect.LEARNED not in route.effects and len(fork) >= len(out) and (route.steps or not route.region.inner):
        return False  # what was as large as the sum and is no more is a defect, and no condition
    ones = sum(d == 1 for d in side) + max(0, len(out) - len(side))
    return ones > sum(d == 1 for d in out) and sum(d != 1 for d in fork) < sum(d != 1 for d in out)


def _is_projection(flow: Flow, route: Route) -> bool:
    """Whether the learned work on a shortcut only fits shapes: one pointwise or patch-wise layer, and depthwise ones."""
    learned = [op for s in route.steps if s.effect is Effect.LEARNED for op in s.ops]
    full = [op for op in learned if not is_depthwise(flow.net, op) or _is_pointwise(flow.net, op)]
    return len(full) == 1 and all(_is_pointwise(flow.net, op) for op in full)


def _is_pointwise(net: Net, op: Op) -> bool:
    extents = kernel(net, op) if op.type in CONVS else ()
    strides = op.integers("strides") or (1,) * len(extents)
    return all(k <= max(s, 1) for k, s in zip(extents, strides, strict=False))


class Objection(NamedTuple):
    """A trap that real networks hold, the role that it gives a merge, and whether it lies in what the shortcut does."""

    holds: Callable[[Case], bool]
    role: Role
    reason: str
    in_shortcut: bool = False


_OBJECTIONS = (
    Objection(
        lambda c: not c.route.region.has(WORK), Role.ARITHMETIC, "nothing between fork and merge learns or gathers"
    ),
    Objection(lambda c: _is_gate_sum(c.flow, c.merge), Role.ARITHMETIC, "gate arithmetic"),
    Objection(
        lambda c: c.projects and _is_in_attention(c.flow, c.route),
        Role.ATTENTION,
        "a term of an attention's output",
        in_shortcut=True,
    ),
    Objection(lambda c: _is_gating(c), Role.CONDITION, "one side only gates the other", in_shortcut=True),
    Objection(lambda c: _is_sliced(c), Role.SLICES, "the sides are different parts of one tensor", in_shortcut=True),
    Objection(
        lambda c: c.flow.attends and _feeds_softmax(c.flow, c.merge), Role.ATTENTION, "a term of attention scores"
    ),
    Objection(lambda c: _stretched(c.flow, c.merge, c.route), Role.CONDITION, "a vector is spread over the stream"),
    Objection(lambda c: _is_rung(c), Role.UNET, "joins across a change of resolution"),
    Objection(
        lambda c: c.projects and _is_lateral(c),
        Role.FPN,
        "one side is brought to the size of the other",
        in_shortcut=True,
    ),
    Objection(
        lambda c: c.route.effects >= _DOWN_AND_UP,
        Role.FUSE,
        "the shortcut goes down and up by itself",
        in_shortcut=True,
    ),
    Objection(
        lambda c: c.projects and _is_term(c.flow, c.merge), Role.FUSE, "a term of a longer sum", in_shortcut=True
    ),
    Objection(
        lambda c: c.projects and _is_condition(c),
        Role.CONDITION,
        "a condition is added to stream after stream",
        in_shortcut=True,
    ),
    Objection(
        lambda c: c.projects and _is_linear(c.route),
        Role.FUSE,
        "both sides are linear in their input",
        in_shortcut=True,
    ),
    Objection(
        lambda c: c.projects and not _is_projection(c.flow, c.route),
        Role.FUSE,
        "both sides do learned work",
        in_shortcut=True,
    ),
)
"""Each trap that real networks hold, with the role that it gives a merge; cheap and frequent ones come first."""

_TO_BRANCHES = tuple(row for row in _OBJECTIONS if not row.in_shortcut)


def _is_gating(case: Case) -> bool:
    return bool(case.route.effects & _RESHAPING) and only_gates(case.flow, case.atlas, case.route)


def _is_sliced(case: Case) -> bool:
    sliced = Effect.SLICE in case.route.effects and all_slices(case.flow, case.route)
    return sliced and not _is_coupled(case.flow, case.route)


def _is_rung(case: Case) -> bool:
    """Whether the merge is where a decoder takes in what its encoder had: a row of blocks lies between, or a lateral layer."""
    between = bool(case.route.region.inner) or case.projects
    return between and changes_resolution(case.flow, case.route)


def _is_lateral(case: Case) -> bool:
    return Effect.RESAMPLE not in case.route.effects and _is_resampled(case.flow, case.route.other)


def _is_linear(route: Route) -> bool:
    return not (route.region.has(NONLINEAR) or route.region.has(MIXING))
