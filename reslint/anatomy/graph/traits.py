"""An op in, what the walks ask of it again and again out, found once."""

from __future__ import annotations

from collections.abc import Container

from reslint.anatomy.graph.ops import (
    ACTIVATIONS,
    PRODUCTS,
    is_clipping,
    is_downsampling,
    is_foreign,
    is_interaction,
    is_layer,
    is_learned,
    is_reduction,
    is_upsampling,
    is_work,
    may_hold_norm,
    row_of,
)
from reslint.net import Net, Op

LEARNED, LAYER, WORK, INTERACTION, NONLINEAR, MIXING, DOWN, UP, FOLDED, REDUCES, GAINS, NORM = (
    1 << k for k in range(12)
)
"""What an op does, as bits, so that a region's are its ops' or-ed together.

Learned work, a weighted layer, work of any kind, a product of two data tensors, something nonlinear, mixing without learning,
going down or up in resolution; what may hold a folded normalization, reduces, has a learned gain, or normalizes.
"""


def traits_of(net: Net, op: Op, norms: Container[str]) -> int:
    """The bits of an op; `norms` are the tensors that leave a normalization."""
    normed = NORM if op.id in norms else 0
    if op.type in _PLAIN:
        return normed
    if op.type in ACTIVATIONS:
        return NONLINEAR | normed
    if op.type in PRODUCTS:
        return normed | _worked(net, op)
    return normed | _worked(net, op) | _shaped(net, op) | (NONLINEAR if _is_nonlinear(net, op, norms) else 0)


_PLAIN = frozenset({"Add", "Reshape", "Transpose", "Cast", "Unsqueeze", "Squeeze", "Concat", "LayerNormalization"})


def _worked(net: Net, op: Op) -> int:
    """The bits about learning and mixing."""
    found = INTERACTION | NONLINEAR if is_interaction(net, op) else 0
    if is_learned(net, op):
        clips = NONLINEAR if is_clipping(net, op) else 0
        return found | clips | LEARNED | WORK | is_layer(net, op) * LAYER | may_hold_norm(net, op) * FOLDED
    return found | WORK | MIXING if is_work(net, op) else found


def _shaped(net: Net, op: Op) -> int:
    """The bits about resolution, reduction and gain."""
    gains = op.type == "Mul" and any((net.value(i).size or 1) > 1 for i in op.inputs if i not in op.data)
    return is_downsampling(net, op) * DOWN | is_upsampling(op) * UP | is_reduction(op) * REDUCES | gains * GAINS


def _is_nonlinear(net: Net, op: Op, norms: Container[str]) -> bool:
    row = row_of(op)
    if row is not None and row.nonlinear or op.bodies or is_foreign(op):
        return True
    return op.type in ("Mul", "Div", "Pow") and len(op.data) > 1 and op.id not in norms
