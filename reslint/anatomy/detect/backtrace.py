"""A tensor in, the way back along one stream out: step by step through ops that keep it recognisable."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from reslint.anatomy.graph.dataflow import Flow
from reslint.anatomy.graph.operators import Family
from reslint.anatomy.graph.ops import row_of
from reslint.anatomy.graph.traits import LEARNED, NONLINEAR
from reslint.net import Op


class Effect(Enum):
    """What a step does to the stream."""

    LAYOUT = "layout"
    SLICE = "slice"
    PAD = "pad"
    SCALE = "scale"
    BIAS = "bias"
    NORM = "norm"
    ACTIVATION = "activation"
    SUM = "sum"
    POOL = "pool"
    RESAMPLE = "resample"
    LEARNED = "learned"


_EFFECTS: Mapping[Family, Effect] = {
    Family.LAYOUT: Effect.LAYOUT,
    Family.SLICING: Effect.SLICE,
    Family.PADDING: Effect.PAD,
    Family.JOINING: Effect.PAD,  # with constants, as only one data tensor comes in
    Family.SCALING: Effect.SCALE,
    Family.SUM: Effect.BIAS,
    Family.BIAS: Effect.BIAS,
    Family.DIFFERENCE: Effect.BIAS,
    Family.NORM: Effect.NORM,
    Family.ACTIVATION: Effect.ACTIVATION,
    Family.POOLING: Effect.POOL,
    Family.REDUCTION: Effect.POOL,
    Family.RESAMPLING: Effect.RESAMPLE,
    Family.CONVOLUTION: Effect.LEARNED,
    Family.PRODUCT: Effect.LEARNED,
}
"""What an op of each family does to its one data input; a family that is not here ends the way back."""


class Step(NamedTuple):
    """One op (or a decomposed normalization) on the way back, what it does, and the node before it."""

    effect: Effect
    ops: tuple[Op, ...]
    before: int


def step_back(flow: Flow, node: int) -> Step | None:
    """The step that made a node out of one other data tensor, None where two streams meet or the op is unknown."""
    known = flow.steps
    if node not in known:  # one walk after the other comes by
        known[node] = _step(flow, node)
    return known[node]


def _step(flow: Flow, node: int) -> Step | None:
    op = flow.ops[node]
    if op is None:
        return None
    run = flow.norms.get(flow.names[node])
    if run is not None:
        return Step(Effect.NORM, run.ops, flow.index[run.source]) if run.source in flow.index else None
    if len(flow.preds[node]) != 1:
        return None
    effect = _effect(flow, node, op)
    return Step(effect, (op,), flow.preds[node][0]) if effect is not None else None


def _effect(flow: Flow, node: int, op: Op) -> Effect | None:
    """What an op with one data input does to it; None where nobody can say."""
    row = row_of(op)
    effect = _EFFECTS.get(row.family) if row is not None else None
    if effect is Effect.SCALE and op.type != "Neg":
        return effect if len(op.inputs) == 2 and op.inputs[0] != op.inputs[1] else None
    if effect is Effect.BIAS:
        return effect if len(set(op.inputs)) > 1 else None
    if effect is Effect.LEARNED:
        return effect if flow.does[node] & (LEARNED | NONLINEAR) == LEARNED else None
    if effect is Effect.SLICE:
        return effect if flow.net.is_data(op.inputs[0]) else None
    return effect
