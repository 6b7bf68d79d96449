"""An op in, what the walks ask of it again and again out, found once."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from reslint.anatomy.ops import (
    ACTIVATIONS,
    FUSED_ATTENTION,
    RECURRENT,
    is_clipping,
    is_downsampling,
    is_foreign,
    is_interaction,
    is_layer,
    is_learned,
    is_upsampling,
    is_work,
    may_hold_norm,
)
from reslint.net import Net, Op

_WHOLE = RECURRENT | FUSED_ATTENTION  # ops that hold activations of their own
_CHOOSING = frozenset({"MaxPool", "GlobalMaxPool", "ReduceMax", "Max", "Min"})


class Facts(NamedTuple):
    """What an op does.

    `learned` work, a weighted `layer`, `work` of any kind, an `interaction` of two data tensors, something `nonlinear`,
    `mixing` without learning, going `down` or `up` in resolution; it may hold a `folded` normalization, `reduces`, or has a
    learned factor and so `gains`.
    """

    learned: bool
    layer: bool
    work: bool
    interaction: bool
    nonlinear: bool
    mixing: bool
    down: bool
    up: bool
    folded: bool
    reduces: bool
    gains: bool


NO_FACTS = Facts(*[False] * 11)


def facts_of(net: Net, op: Op, norms: Container[str]) -> Facts:
    """All facts of an op; `norms` are the tensors that leave a normalization."""
    if op.type in _PLAIN:
        return NO_FACTS
    learned = is_learned(net, op)
    work = learned or is_work(net, op)
    interaction = is_interaction(net, op)
    return Facts(
        learned=learned,
        layer=learned and is_layer(net, op),
        work=work,
        interaction=interaction,
        nonlinear=interaction or _is_nonlinear(net, op, learned, norms),
        mixing=work and not learned,
        down=is_downsampling(net, op),
        up=is_upsampling(op),
        folded=learned and may_hold_norm(net, op),
        reduces=op.type.startswith("Reduce"),
        gains=op.type == "Mul" and any((net.value(i).size or 1) > 1 for i in op.inputs if not net.is_data(i)),
    )


_PLAIN = frozenset({"Add", "Reshape", "Transpose", "Cast", "Unsqueeze", "Squeeze", "Concat", "LayerNormalization"})


def _is_nonlinear(net: Net, op: Op, learned: bool, norms: Container[str]) -> bool:
    if op.type in ACTIVATIONS or op.type in _CHOOSING or op.type in _WHOLE or op.bodies or is_foreign(op):
        return True
    if learned and is_clipping(net, op):
        return True
    return op.type in ("Mul", "Div", "Pow") and sum(net.is_data(i) for i in op.inputs) > 1 and op.id not in norms
