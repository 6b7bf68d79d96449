"""The way back along a stream, step by step, through ops that keep it recognisable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from reslint.anatomy.graph.norms import NormRun
from reslint.anatomy.graph.operators import Family
from reslint.anatomy.graph.ops import row_of
from reslint.anatomy.graph.traits import LEARNED, NONLINEAR
from reslint.net import Dim, Net, Op

_STREAMS = 8  # side by side at most, where they are mixed


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


class Steps(dict[int, Step | None]):
    """The steps back from the nodes of a dataflow, each worked out when it is first asked for: many walks come by one node.

    A step is None where two streams meet, and where nobody can say what the op does.
    """

    def __init__(
        self,
        net: Net,
        names: Sequence[str],
        ops: Sequence[Op | None],
        preds: Sequence[tuple[int, ...]],
        index: Mapping[str, int],
        norms: Mapping[str, NormRun],
        traits: Sequence[int],
    ) -> None:
        super().__init__()
        self._net, self._names, self._ops, self._preds = net, names, ops, preds
        self._index, self._norms, self._traits = index, norms, traits

    def __missing__(self, node: int) -> Step | None:
        self[node] = found = self._step(node)
        return found

    def _step(self, node: int) -> Step | None:
        op = self._ops[node]
        if op is None:
            return None
        run = self._norms.get(self._names[node])
        if run is not None:
            return Step(Effect.NORM, run.ops, self._index[run.source]) if run.source in self._index else None
        stream = mixed(self._net, op)
        if stream in self._index:
            return Step(Effect.LEARNED, (op,), self._index[stream])
        if len(self._preds[node]) != 1:
            return None
        effect = self._effect(node, op)
        return Step(effect, (op,), self._preds[node][0]) if effect is not None else None

    def _effect(self, node: int, op: Op) -> Effect | None:
        """What an op with one data input does to it."""
        row = row_of(op)
        effect = _EFFECTS.get(row.family) if row is not None else None
        if effect is Effect.SCALE and op.type != "Neg":
            return effect if len(op.inputs) == 2 and op.inputs[0] != op.inputs[1] else None
        if effect is Effect.BIAS:
            return effect if len(set(op.inputs)) > 1 else None
        if effect is Effect.LEARNED:
            return effect if self._traits[node] & (LEARNED | NONLINEAR) == LEARNED else None
        if effect is Effect.SLICE:
            return effect if self._net.is_data(op.inputs[0]) else None
        return effect


def mixed(net: Net, op: Op) -> str:
    """The parallel streams that an op mixes with weights that are computed (hyper-connections); empty where it does not."""
    return _weighed(net, op) if op.type == "ReduceSum" else _mixed(net, op)


def _mixed(net: Net, op: Op) -> str:
    """The parallel streams [..., n, width] that a product with a computed n x m matrix mixes; empty where it is none.

    Attention mixes positions, of which there are many.
    """
    if op.type not in ("MatMul", "Einsum") or len(op.data) != 2:
        return ""
    made = net.shape(op.id)
    for stream, weights in (op.data, op.data[::-1]):
        one, other = net.shape(stream), net.shape(weights)
        if made is None or one is None or other is None or len(made) < 4 or not len(made) == len(one) == len(other):
            continue
        if (*one[:-2], one[-1]) == (*made[:-2], made[-1]) and all(_is_few(d) for d in (one[-2], made[-2], *other[-2:])):
            return stream
    return ""


def _weighed(net: Net, op: Op) -> str:
    """The parallel streams of which a sum of products makes as many others; empty where an op is no such sum."""
    product = net.producer.get(op.inputs[0])
    made = net.shape(op.id)
    if product is None or product.type != "Mul" or len(product.data) != 2 or made is None or len(made) < 4:
        return ""
    for name, weights in (product.data, product.data[::-1]):
        laid, other = net.producer.get(name), net.shape(weights)
        source = laid.inputs[0] if laid is not None and laid.type in ("Unsqueeze", "Reshape") else ""
        shape = net.shape(source) if source else None
        if (
            shape == made
            and shape
            and _is_few(shape[-2])
            and other
            and other[-1] == 1
            and all(map(_is_few, other[-3:-1]))
        ):
            return source
    return ""


def _is_few(extent: Dim) -> bool:
    return isinstance(extent, int) and extent <= _STREAMS
