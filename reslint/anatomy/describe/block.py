"""A verdict in, a Block out: where the normalization sits, what scales the sides, what follows the merge."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from reslint.anatomy.describe.signature import extent, work
from reslint.anatomy.detect.region import Region
from reslint.anatomy.detect.verdict import Verdict
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import (
    ACTIVATIONS,
    BOUNDED,
    KEEPS_SIGN,
    LAYOUT,
    NONNEGATIVE,
    SKIP_NORMS,
    activation_in,
)
from reslint.anatomy.graph.steps import Effect, Step
from reslint.anatomy.graph.traits import FOLDED, INTERACTION, LEARNED, MIXING, NONLINEAR, NORM
from reslint.anatomy.values import Block, Kind, Placement, Scale
from reslint.net import Net, Op
from reslint.net.weights import scalar

_NEAR_END = 8  # steps to look back from a branch's end
_SIZE_KEEPING = frozenset({Effect.LAYOUT, Effect.SLICE, Effect.PAD, Effect.BIAS, Effect.POOL})
_ONE_TO_ONE = ACTIVATIONS | LAYOUT
_SCALING = LAYOUT | {"Mul", "Div"}


def block(flow: Dataflow, verdict: Verdict, kind: Kind, region: Region) -> Block:
    """All that is known about one residual connection."""
    short, long = verdict.sides
    nodes = (
        sorted({*region.nodes, *(n for f in verdict.further for n in f.region.nodes)})
        if verdict.further
        else region.nodes
    )
    branch = tuple(dict.fromkeys([flow.op(n) for n in nodes]))
    end = verdict.further[-1].op if verdict.further else verdict.op
    return Block(
        net=flow.net,
        merge=verdict.op,
        kind=kind,
        fork=flow.names[verdict.fork],
        sides=(flow.names[short], flow.names[long]),
        shapes=(flow.net.shape(flow.names[short]), flow.net.shape(flow.names[long])),
        size=extent(flow.net, verdict.op.id),
        shortcut=tuple([op for step in reversed(verdict.steps) for op in step.ops]),
        branch=branch,
        branch_ops=region.ops,
        work=work(flow.net, branch),
        reason=verdict.reason,
        normalization=_placement(flow, end, region),
        scale_shortcut=_scale(flow, verdict.steps),
        scale_branch=_scale(flow, _steps_inside(flow, long, region)),
        gated_branch=_is_gated(flow, long),
        activation=_activation(flow.net, end),
        nonnegative=_is_nonnegative(flow, long),
        nonlinear=region.has(NONLINEAR) or region.has(MIXING),
        depth=max([region.weighted, *(f.region.weighted for f in verdict.further)]),
        inner=tuple([flow.op(n).id for n in region.inner]),
        bounded=_is_bounded(flow, long),
        further=tuple([f.op for f in verdict.further]),
    )


def _placement(flow: Dataflow, merge: Op, region: Region) -> Placement:
    """Where a block's normalization sits; on its branch if there is one, else on the stream behind the merge."""
    if region.has(NORM):
        first = set(_norms_near(flow, region, forward=True))
        last = set(_norms_near(flow, region, forward=False))
        if first and last - first:
            return Placement.SANDWICH
        if last and not first:
            return Placement.BRANCH_END
        return Placement.PRE if not region.bare else Placement.UNKNOWN
    if is_normed_behind(flow, merge):
        return Placement.POST
    if region.has(FOLDED):
        return Placement.FOLDED
    return Placement.NONE


def _norms_near(flow: Dataflow, region: Region, *, forward: bool) -> Iterator[int]:
    """The normalizations of a branch before its first learned layer, or behind its last one."""
    inside = set(region.nodes)
    after: dict[int, list[int]] = {}
    for node in region.nodes:
        for p in flow.preds[node]:
            after.setdefault(p, []).append(node)
    todo = deque(region.entries if forward else (region.end,))
    seen: set[int] = set()
    while todo:
        node = todo.popleft()
        if node in seen or node not in inside:
            continue
        seen.add(node)
        if flow.names[node] in flow.norms:
            yield node
            continue
        if flow.traits[node] & (LEARNED | INTERACTION) or node in region.inner:
            continue
        todo.extend(after.get(node, ()) if forward else flow.preds[node])


def is_normed_behind(flow: Dataflow, merge: Op) -> bool:
    """Whether the stream behind a merge goes through one normalization and nowhere else."""
    if merge.type in SKIP_NORMS:
        return not any(merge.outputs[1:])
    name = merge.id
    for _ in range(windows.POST_NORM):
        after = flow.net.consumers.get(name, ())
        if name in flow.normed and all(op.id in flow.norm_ops for op in after):
            return True
        if len(after) != 1 or after[0].type not in _ONE_TO_ONE:
            return False
        name = after[0].id
    return False


def _scale(flow: Dataflow, steps: Iterable[Step]) -> Scale | None:
    """The constant factor that a side ends with, None where there is none; a normalization's own gain is no scale."""
    value: float | None = 1.0
    found = False
    for step in steps:
        if step.effect not in (Effect.SCALE, Effect.LAYOUT, Effect.BIAS):
            break
        if step.effect is Effect.SCALE:
            run = flow.norms.get(flow.names[step.before])
            if run is not None and run.decomposed:
                break
            found = True
            factor = constant_factor(flow.net, step.ops[0])
            value = None if value is None or factor is None else value * factor
    return Scale(value) if found else None


def _steps_inside(flow: Dataflow, node: int, region: Region) -> Iterator[Step]:
    """The steps back from a branch's end as far as they stay inside the branch."""
    inside = set(region.nodes)
    while node in inside:
        step = flow.step_back(node)
        if step is None:
            return
        yield step
        node = step.before


def constant_factor(net: Net, op: Op) -> float | None:
    """What a Mul, Div or Neg by a constant multiplies with, where it is one known number."""
    if op.type == "Neg":
        return -1.0
    constant = next((i for i in op.inputs if i not in op.data), "")
    number = scalar(net, constant)
    if number is None or op.type == "Mul":
        return number
    return 1 / number if number and op.inputs[1] == constant else None


def scaled_behind(net: Net, name: str) -> float:
    """The constant factor between a merge and what reads it next; 1.0 where it is not known."""
    factor = 1.0
    for _ in range(windows.GAIN):
        after = net.consumers.get(name, ())
        if len({op.id for op in after}) != 1 or after[0].type not in _SCALING:
            break
        if len(after[0].data) != 1:
            break
        if after[0].type in ("Mul", "Div"):
            factor *= constant_factor(net, after[0]) or 1.0
        name = after[0].id
    return factor


def _is_gated(flow: Dataflow, node: int) -> bool:
    """Whether a branch ends in a product with something computed from data (a gate, an adaptive scale)."""
    op = flow.ops[node]
    for _ in range(windows.BRANCH_GATE):
        if op is None or op.type not in LAYOUT:
            break
        op = flow.net.producer.get(op.inputs[0])
    return op is not None and op.type == "Mul" and len(op.data) > 1 and op.id not in flow.norms


def _is_bounded(flow: Dataflow, node: int) -> bool:
    """Whether a branch ends, linear layers aside, in what can't be large: a recurrent layer, a tanh, a sigmoid, a softmax."""
    for _ in range(_NEAR_END):
        op = flow.ops[node]
        if op is None:
            return False
        if op.type in BOUNDED or op.type == "Clip":
            return True
        step = flow.step_back(node)
        if step is None or step.effect not in _SIZE_KEEPING:
            return False
        node = step.before
    return False


def _activation(net: Net, merge: Op) -> Op | None:
    """The activation that all of the merged stream goes through."""
    after = net.consumers.get(merge.id, ())
    if len(after) == 1 and after[0].type in ACTIVATIONS:
        return after[0]
    return merge if activation_in(merge) else None


def _is_nonnegative(flow: Dataflow, node: int) -> bool:
    """Whether a branch ends in something that can't be below zero."""
    op = flow.ops[node]
    if op is not None and flow.names[node] not in op.outputs:
        return False  # the product inside a fused op, which activates the sum and not the product
    while op is not None and op.type in KEEPS_SIGN and op.inputs:
        op = flow.net.producer.get(op.inputs[0])
    if op is None:
        return False
    if op.type == "Clip":
        least = scalar(flow.net, op.inputs[1]) if len(op.inputs) > 1 and op.inputs[1] else op.number("min", -1)
        return least is not None and least >= 0
    return op.type in NONNEGATIVE or activation_in(op) == "Relu"
