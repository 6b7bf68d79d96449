"""A route in, why it makes no residual connection out: each objection is a trap seen in real networks."""

from __future__ import annotations

from reslint.anatomy.flow import Flow
from reslint.anatomy.ops import LAYOUT, SLICING, is_depthwise
from reslint.anatomy.path import Effect
from reslint.anatomy.region import Atlas, Region
from reslint.anatomy.route import Route
from reslint.anatomy.values import Role
from reslint.net import Op

_RESHAPING = frozenset({Effect.LEARNED, Effect.POOL, Effect.RESAMPLE})
_LOGITS = 12  # ops between attention scores and their softmax at most


def objection(flow: Flow, atlas: Atlas, op: Op, route: Route) -> tuple[Role, str] | None:
    """Why a route is no residual connection."""
    effects, region = route.effects, route.region
    if not region.work:
        return Role.ARITHMETIC, "nothing between fork and merge learns or gathers"
    if _is_gate_sum(flow, op):
        return Role.ARITHMETIC, "gate arithmetic"
    if Effect.LEARNED in effects and _is_in_attention(flow, route):
        return Role.ATTENTION, "a term of an attention's output"
    if effects & _RESHAPING and only_gates(flow, atlas, route):
        return Role.CONDITION, "one side only gates the other"
    if Effect.SLICE in effects and all(_is_slicing(flow, e) for e in region.entries):
        return Role.SLICES, "the sides are different parts of one tensor"
    if _feeds_softmax(flow, op):
        return Role.ATTENTION, "a term of attention scores"
    if _stretched(flow, op, route):
        return Role.CONDITION, "a vector is spread over the stream"
    if changes_resolution(region) and (region.inner or Effect.LEARNED in effects):
        return Role.UNET, "joins across a change of resolution"
    if Effect.LEARNED in effects and not (region.nonlinear or region.mixing):
        return Role.FUSE, "both sides are linear in their input"
    if Effect.LEARNED in effects and not _is_projection(flow, route):
        return Role.FUSE, "both sides do learned work"
    return None


def changes_resolution(region: Region) -> bool:
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
