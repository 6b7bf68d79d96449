"""What each objection looks for: the shape of a trap, told by topology, operators, shapes and weights alone."""

from __future__ import annotations

from typing import NamedTuple

from reslint.anatomy.detect.backtrace import Effect, step_back
from reslint.anatomy.detect.region import Atlas
from reslint.anatomy.detect.shortcut_search import Route
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Flow
from reslint.anatomy.graph.ops import CONVS, LAYOUT, SLICING, SUMS, is_depthwise, is_downsampling, kernel
from reslint.anatomy.graph.traits import DOWN, INTERACTION, LEARNED, MIXING, NONLINEAR, UP, WORK
from reslint.net import Net, Op

_DOWN_AND_UP = frozenset({Effect.POOL, Effect.RESAMPLE})
_RESHAPING = frozenset({Effect.LEARNED, Effect.POOL, Effect.RESAMPLE})
_GATES = frozenset({"Sigmoid", "HardSigmoid"})
_SHIFTING = LAYOUT | {"Add", "Sub", "Mul"}
_PARTS = LAYOUT | SLICING | {"Mul", "Div", "Pad"}
_PLAIN = frozenset({Effect.LAYOUT, Effect.BIAS, Effect.SLICE})


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


def does_no_work(case: Case) -> bool:
    """Whether nothing between fork and merge learns, interacts, pools or gathers."""
    return not case.route.region.has(WORK)


def learns_nothing(case: Case) -> bool:
    """Whether nothing between fork and merge is learned."""
    return not case.route.region.has(LEARNED)


def becomes_gate(case: Case) -> bool:
    """Whether all that happens to a sum is that it becomes a gate: a sigmoid, or a tanh that is multiplied (GRU, GTrXL)."""
    flow, name = case.flow, case.merge.id
    for _ in range(windows.GATE):
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


def projects_in_attention(case: Case) -> bool:
    """Whether the shortcut projects a query, or attention's weights: the fork first feeds a product of two data tensors."""
    flow, route = case.flow, case.route
    if not case.projects:
        return False
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


def gates(case: Case) -> bool:
    """Whether a shortcut that is brought into shape meets what the fork only gates."""
    return bool(case.route.effects & _RESHAPING) and only_gates(case)


def only_gates(case: Case) -> bool:
    """Whether the fork reaches the other side only as a factor between 0 and 1 on something else."""
    flow, atlas, route = case.flow, case.atlas, case.route
    op = flow.ops[route.other]
    if op is None or op.type != "Mul" or len(op.inputs) != 2:
        return False
    for gate, value in (op.inputs, op.inputs[::-1]):
        maker = flow.net.producer.get(gate)
        if maker is not None and maker.type in ("Sigmoid", "HardSigmoid", "Softmax") and value in flow.index:
            return flow.index[value] != route.fork and atlas.between(route.fork, flow.index[value]) is None
    return False


def takes_other_slices(case: Case) -> bool:
    """Whether shortcut and branch take different slices of the fork, and the branch's is no stream of its own."""
    return is_all_slices(case) and not _is_coupled(case.flow, case.route)


def is_all_slices(case: Case) -> bool:
    """Whether the shortcut is a slice of the fork, and all that the branch takes of it are slices, too."""
    entries = case.route.region.entries
    return Effect.SLICE in case.route.effects and all(case.flow.op(e).type in SLICING for e in entries)


def _is_coupled(flow: Flow, route: Route) -> bool:
    """Whether the other slice is a stream of its own, which goes on beside its branch (reversible halves)."""
    for node in route.region.entries:
        readers = flow.net.consumers.get(flow.names[node], ())
        if len(readers) > 1 and any(_is_joined(flow, c) for c in readers):
            return True
    return False


def _is_joined(flow: Flow, op: Op) -> bool:
    """Whether an op is a sum or a concatenation, or only lays out what one reads."""
    for _ in range(windows.JOINT):
        if op.type in SUMS or op.type == "Concat":
            return True
        after = flow.net.consumers.get(op.id, ())
        if op.type not in LAYOUT or len(after) != 1:
            return False
        op = after[0]
    return False


def becomes_attention(case: Case) -> bool:
    """Whether a sum becomes attention weights: a softmax follows with nothing learned between."""
    flow = case.flow
    todo, seen = [case.merge] if flow.attends else [], 0
    while todo and seen < windows.LOGITS:
        op = todo.pop()
        seen += 1
        for output in op.outputs:
            for after in flow.net.consumers.get(output, ()):
                if after.type in ("Softmax", "LogSoftmax"):
                    return True
                if after.type in LAYOUT or after.type in ("Mul", "Div", "Add", "Sub", "Where", "Clip", "Tanh"):
                    todo.append(after)
    return False


def spreads_vector(case: Case) -> bool:
    """Whether the shortcut starts from a vector that was smaller than the merge all along."""
    flow, op, route = case.flow, case.merge, case.route
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


def joins_resolutions(case: Case) -> bool:
    """Whether a decoder takes in what its encoder had: a row of blocks lies between, or a lateral layer."""
    between = bool(case.route.region.inner) or case.projects
    return between and changes_resolution(case)


def changes_resolution(case: Case) -> bool:
    """Whether the branch goes down and comes up again; where the shortcut goes down itself, it is a smaller block."""
    region = case.route.region
    smaller = any(is_downsampling(case.flow.net, op) for step in case.route.steps for op in step.ops)
    return region.has(DOWN | UP) and not region.level and not smaller


def is_brought_to_size(case: Case) -> bool:
    """Whether a projection meets a branch that was resampled last, and is not resampled itself."""
    lateral = case.projects and Effect.RESAMPLE not in case.route.effects
    return lateral and _is_resampled(case.flow, case.route.other)


def _is_resampled(flow: Flow, node: int) -> bool:
    """Whether the last thing that happened to a tensor is a resampling."""
    step = step_back(flow, node)
    while step is not None and step.effect is Effect.LAYOUT:
        step = step_back(flow, step.before)
    return step is not None and step.effect is Effect.RESAMPLE


def goes_down_and_up(case: Case) -> bool:
    """Whether the shortcut goes down in resolution and comes up again by itself."""
    return case.route.effects >= _DOWN_AND_UP


def is_term(case: Case) -> bool:
    """Whether a sum is only read by another sum, whose other side is a layer's output, too (WaveNet's skips)."""
    flow, merge = case.flow, case.merge
    after = flow.net.consumers.get(merge.id, ())
    if not case.projects or len(after) != 1 or after[0].type not in SUMS:
        return False
    others = [flow.index[i] for i in after[0].inputs if i in flow.index and i != merge.id]
    steps = [step_back(flow, other) for other in others]
    if any(other < node for other in others for node in (flow.index[i] for i in merge.inputs if i in flow.index)):
        return False  # what was there before is a stream, and no further term
    return bool(steps) and all(s is not None and s.effect in (Effect.LEARNED, Effect.BIAS) for s in steps)


def is_condition(case: Case) -> bool:
    """Whether the fork enters the other side only by pointwise layers that are added to what doesn't come from it."""
    flow, atlas, route = case.flow, case.atlas, case.route
    if not case.projects:
        return False
    inside = set(route.region.nodes)
    foreign = False
    for node in route.region.entries:
        came = node
        for _ in range(windows.CONDITION):
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


def is_linear(case: Case) -> bool:
    """Whether the shortcut is a projection, and nothing between fork and merge is nonlinear or mixes."""
    region = case.route.region
    return case.projects and not (region.has(NONLINEAR) or region.has(MIXING))


def works_on_both_sides(case: Case) -> bool:
    """Whether the shortcut does more learned work than fitting shapes takes."""
    return case.projects and not _fits_shapes(case.flow, case.route)


def _fits_shapes(flow: Flow, route: Route) -> bool:
    """Whether the learned work on a shortcut only fits shapes: one pointwise or patch-wise layer, and depthwise ones."""
    learned = [op for s in route.steps if s.effect is Effect.LEARNED for op in s.ops]
    full = [op for op in learned if not is_depthwise(flow.net, op) or _is_pointwise(flow.net, op)]
    return len(full) == 1 and all(_is_pointwise(flow.net, op) for op in full)


def _is_pointwise(net: Net, op: Op) -> bool:
    extents = kernel(net, op) if op.type in CONVS else ()
    strides = op.integers("strides") or (1,) * len(extents)
    return all(k <= max(s, 1) for k, s in zip(extents, strides, strict=False))


def works_on_part(case: Case) -> bool:
    """Whether the older part of a concatenation is more than the stream itself, or a slice of it."""
    return bool(case.route.effects - {Effect.LAYOUT, Effect.SLICE})


def holds_row_of_blocks(case: Case) -> bool:
    """Whether more than one residual connection, joins apart, lies between the parts."""
    residual, dense = case.atlas.residual, case.atlas.dense
    return sum(n in residual and n not in dense for n in case.route.region.inner) > 1
