"""What each objection looks for: the shape of a trap, told by topology, operators, shapes and weights alone."""

from __future__ import annotations

from typing import NamedTuple

from reslint.anatomy.detect.region import Atlas
from reslint.anatomy.detect.shortcut_search import Route
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import CONVS, LAYOUT, POOLING, SLICING, SUMS, is_depthwise, is_downsampling, kernel
from reslint.anatomy.graph.steps import Effect
from reslint.anatomy.graph.traits import DOWN, INTERACTION, LEARNED, MIXING, NONLINEAR, UP, WORK
from reslint.net import Net, Op

_DOWN_AND_UP = frozenset({Effect.POOL, Effect.RESAMPLE})
_RESHAPING = frozenset({Effect.LEARNED, Effect.POOL, Effect.RESAMPLE})
_GATES = frozenset({"Sigmoid", "HardSigmoid"})
_SHIFTING = LAYOUT | {"Add", "Sub", "Mul"}
_PARTS = LAYOUT | SLICING | {"Mul", "Div", "Pad"}
_PLAIN = frozenset({Effect.LAYOUT, Effect.BIAS, Effect.SLICE})


class Candidate(NamedTuple):
    """A merge, and a route that would make it a residual connection."""

    flow: Dataflow
    atlas: Atlas
    merge: Op
    route: Route

    @property
    def projects(self) -> bool:
        """Whether something learned sits on the shortcut."""
        return Effect.LEARNED in self.route.effects


def does_no_work(candidate: Candidate) -> bool:
    """Whether nothing between fork and merge learns, interacts, pools or gathers, or it only runs along an axis of fewer."""
    region, net = candidate.route.region, candidate.flow.net
    if not region.has(WORK):
        return True
    if region.traits & (LEARNED | INTERACTION | NONLINEAR) or any(
        candidate.flow.op(n).type in POOLING for n in region.nodes
    ):
        return False
    one, other = (net.shape(candidate.flow.names[n]) for n in (candidate.route.side, candidate.route.other))
    return one is not None and other is not None and one != other


def learns_nothing(candidate: Candidate) -> bool:
    """Whether nothing between fork and merge is learned."""
    return not candidate.route.region.has(LEARNED)


def becomes_gate(candidate: Candidate) -> bool:
    """Whether all that happens to a sum is that it becomes a gate: a sigmoid, or a tanh that is multiplied (GRU, GTrXL)."""
    flow, name = candidate.flow, candidate.merge.id
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


def projects_in_attention(candidate: Candidate) -> bool:
    """Whether the shortcut projects a query, or attention's weights: the fork first feeds a product of two data tensors."""
    flow, route = candidate.flow, candidate.route
    if not candidate.projects:
        return False
    fork = flow.ops[route.fork]
    if fork is not None and fork.type == "Softmax":
        return True
    todo = list(route.region.entries)
    inside = set(route.region.nodes)
    while todo:
        node = todo.pop()
        if node not in inside:
            continue  # seen
        inside.remove(node)
        op = flow.op(node)
        if flow.traits[node] & INTERACTION:
            if _is_aggregation(flow.net, op):
                return False
            continue
        if op.type not in _PARTS:
            return False
        todo.extend(
            n for o in op.outputs for c in flow.net.consumers.get(o, ()) for n in _outputs(flow, c) if n in inside
        )
    return True


def _is_aggregation(net: Net, op: Op) -> bool:
    """Whether a product brings together the neighbours of a graph, whose square matrix is an input."""
    first = net.shape(op.inputs[0]) if op.type == "MatMul" and op.inputs[0] in net.inputs else None
    return first is not None and len(first) in (2, 3) and first[-1] is not None and first[-1] == first[-2]


def _outputs(flow: Dataflow, op: Op) -> tuple[int, ...]:
    return tuple(flow.index[o] for o in op.outputs if o in flow.index)


def gates(candidate: Candidate) -> bool:
    """Whether a shortcut that is brought into shape meets what the fork only gates."""
    return bool(candidate.route.effects & _RESHAPING) and only_gates(candidate)


def only_gates(candidate: Candidate) -> bool:
    """Whether the fork reaches the other side only as a factor between 0 and 1 on something else."""
    flow, atlas, route = candidate.flow, candidate.atlas, candidate.route
    op = flow.ops[route.other]
    if op is None or op.type != "Mul" or len(op.inputs) != 2:
        return False
    for gate, value in (op.inputs, op.inputs[::-1]):
        maker = flow.net.producer.get(gate)
        if maker is not None and maker.type in ("Sigmoid", "HardSigmoid", "Softmax") and value in flow.index:
            return flow.index[value] != route.fork and atlas.between(route.fork, flow.index[value]) is None
    return False


def takes_other_slices(candidate: Candidate) -> bool:
    """Whether shortcut and branch take different slices of the fork, and the branch's is no stream of its own."""
    flow, route = candidate.flow, candidate.route
    return is_all_slices(candidate) and not _is_coupled(flow, route) and not flow.is_mixture(route.fork)


def is_all_slices(candidate: Candidate) -> bool:
    """Whether the shortcut is a slice of the fork, and all that the branch takes of it are slices, too."""
    entries = candidate.route.region.entries
    return Effect.SLICE in candidate.route.effects and all(candidate.flow.op(e).type in SLICING for e in entries)


def _is_coupled(flow: Dataflow, route: Route) -> bool:
    """Whether the other slice is a stream of its own, which goes on beside its branch (reversible halves)."""
    for node in route.region.entries:
        readers = flow.net.consumers.get(flow.names[node], ())
        if len(readers) > 1 and any(_is_joined(flow, c) for c in readers):
            return True
    return False


def _is_joined(flow: Dataflow, op: Op) -> bool:
    """Whether an op is a sum or a concatenation, or only lays out what one reads."""
    for _ in range(windows.JOINT):
        if op.type in SUMS or op.type == "Concat":
            return True
        after = flow.net.consumers.get(op.id, ())
        if op.type not in LAYOUT or len(after) != 1:
            return False
        op = after[0]
    return False


def becomes_attention(candidate: Candidate) -> bool:
    """Whether a sum becomes attention weights: a softmax follows with nothing learned between."""
    flow = candidate.flow
    todo, seen = [candidate.merge] if flow.attends else [], 0
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


def spreads_vector(candidate: Candidate) -> bool:
    """Whether the shortcut starts from a vector that was smaller than the merge all along."""
    flow, op, route = candidate.flow, candidate.merge, candidate.route
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


def joins_resolutions(candidate: Candidate) -> bool:
    """Whether a decoder takes in what its encoder had: a row of blocks lies between, or a lateral layer."""
    between = bool(candidate.route.region.inner) or candidate.projects
    return between and changes_resolution(candidate)


def changes_resolution(candidate: Candidate) -> bool:
    """Whether the branch goes down and comes up again; where the shortcut goes down itself, it is a smaller block."""
    region = candidate.route.region
    smaller = any(is_downsampling(candidate.flow.net, op) for step in candidate.route.steps for op in step.ops)
    return region.has(DOWN | UP) and not region.level and not smaller


def is_brought_to_size(candidate: Candidate) -> bool:
    """Whether a projection meets a branch that was resampled last, and is not resampled itself."""
    lateral = candidate.projects and Effect.RESAMPLE not in candidate.route.effects
    return lateral and _is_resampled(candidate.flow, candidate.route.other)


def _is_resampled(flow: Dataflow, node: int) -> bool:
    """Whether the last thing that happened to a tensor is a resampling."""
    step = flow.step_back(node)
    while step is not None and step.effect is Effect.LAYOUT:
        step = flow.step_back(step.before)
    return step is not None and step.effect is Effect.RESAMPLE


def goes_down_and_up(candidate: Candidate) -> bool:
    """Whether the shortcut goes down in resolution and comes up again by itself."""
    return candidate.route.effects >= _DOWN_AND_UP


def is_term(candidate: Candidate) -> bool:
    """Whether a sum is only read by another sum, whose other side is a layer's output, too (WaveNet's skips)."""
    flow, merge = candidate.flow, candidate.merge
    after = flow.net.consumers.get(merge.id, ())
    if not candidate.projects or len(after) != 1 or after[0].type not in SUMS:
        return False
    others = [flow.index[i] for i in after[0].inputs if i in flow.index and i != merge.id]
    steps = [flow.step_back(other) for other in others]
    if any(other < node for other in others for node in (flow.index[i] for i in merge.inputs if i in flow.index)):
        return False  # what was there before is a stream, and no further term
    return bool(steps) and all(s is not None and s.effect in (Effect.LEARNED, Effect.BIAS) for s in steps)


def is_condition(candidate: Candidate) -> bool:
    """Whether the fork enters the other side only by pointwise layers that are added to what doesn't come from it."""
    flow, atlas, route = candidate.flow, candidate.atlas, candidate.route
    if not candidate.projects:
        return False
    inside = set(route.region.nodes)
    foreign = False
    for node in route.region.entries:
        came = node
        for _ in range(windows.CONDITION):
            op = flow.op(node)
            if op.type in SUMS and len(flow.preds[node]) > 1:
                break
            step = flow.step_back(node)
            after = [n for o in op.outputs for c in flow.net.consumers.get(o, ()) for n in _outputs(flow, c)]
            layer = bool(flow.traits[node] & LEARNED) and _is_pointwise(flow.net, op)
            if len(after) != 1 or after[0] not in inside or not layer and (step is None or step.effect not in _PLAIN):
                return False
            came, node = node, after[0]
        if node in atlas.residual or flow.op(node).type not in SUMS:
            return False
        others = [p for p in flow.preds[node] if p != came]
        foreign = foreign or all(atlas.between(route.fork, p) is None for p in others)
    return foreign


def is_linear(candidate: Candidate) -> bool:
    """Whether the shortcut is a projection, and nothing between fork and merge is nonlinear or mixes."""
    region = candidate.route.region
    return candidate.projects and not (region.has(NONLINEAR) or region.has(MIXING))


def works_on_both_sides(candidate: Candidate) -> bool:
    """Whether the shortcut does more learned work than fitting shapes takes."""
    if not candidate.projects:
        return False
    route = candidate.route
    if Effect.ACTIVATION in route.effects and not _is_activated_projection(candidate.flow, route):
        return True
    return not _fits_shapes(candidate.flow, route)


def _is_activated_projection(flow: Dataflow, route: Route) -> bool:
    """Whether a projection is activated at its end, beside a branch that mixes positions as well and ends in the same way."""
    order = [step.effect for step in route.steps]
    if order.index(Effect.ACTIVATION) > order.index(Effect.LEARNED):
        return True  # an activation in front of a projection is a pre-activation block's
    step = flow.step_back(route.other)
    return route.region.has(INTERACTION) and step is not None and step.effect is Effect.ACTIVATION


def _fits_shapes(flow: Dataflow, route: Route) -> bool:
    """Whether the learned work on a shortcut only fits shapes.

    That is one pointwise or patch-wise layer, and depthwise ones; or one that strides with a wider kernel (MONAI), beside a
    branch of more layers.
    """
    learned = [op for s in route.steps if s.effect is Effect.LEARNED for op in s.ops]
    full = [op for op in learned if not is_depthwise(flow.net, op) or _is_pointwise(flow.net, op)]
    if len(full) != 1:
        return False
    if _is_pointwise(flow.net, full[0]):
        return True
    deeper = route.region.weighted > 1 and not route.region.has(INTERACTION)
    return deeper and len(learned) == 1 and is_downsampling(flow.net, full[0])


def _is_pointwise(net: Net, op: Op) -> bool:
    extents = kernel(net, op) if op.type in CONVS else ()
    strides = op.integers("strides") or (1,) * len(extents)
    return all(k <= max(s, 1) for k, s in zip(extents, strides, strict=False))


def works_on_part(candidate: Candidate) -> bool:
    """Whether the older part of a concatenation is more than the stream itself, or a slice of it."""
    return bool(candidate.route.effects - {Effect.LAYOUT, Effect.SLICE})


def holds_row_of_blocks(candidate: Candidate) -> bool:
    """Whether more than one residual connection, joins apart, lies between the parts."""
    residual, dense = candidate.atlas.residual, candidate.atlas.dense
    return sum(n in residual and n not in dense for n in candidate.route.region.inner) > 1
