"""An op and the extents of its tensors in, its multiply-accumulates out.

One MAC is one multiply-add of a convolution, a matrix product or a recurrent cell, and of attention's two products (over
all keys, causal or not): what torchvision and the papers publish as FLOPs. Elementwise work, normalization, pooling and
resampling are none by convention. Quantized and fused forms count what they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from reslint.anatomy.graph.operators import TABLE, Macs, Operator
from reslint.anatomy.metrics.dims import Extents
from reslint.net import Op

Count = Callable[[Op, Operator, Extents], int | None]
"""An op, what the table says of its operator, and the extents of its tensors in; its MACs, None where they can't be told."""


def macs(op: Op, extents: Extents) -> int | None:
    """The MACs of one op, without the bodies inside it; None where they can't be told."""
    row = TABLE.get(op.kind)
    return None if row is None else COUNTS[row.macs](op, row, extents)


def _input(op: Op, at: int | None) -> str:
    return op.inputs[at] if at is not None and at < len(op.inputs) else ""


def _convolution(op: Op, row: Operator, extents: Extents) -> int | None:
    """Each output element takes one filter: its channels within the group times its kernel."""
    made, kernel = extents.size(op.outputs[0]), extents.shape(_input(op, row.weight))
    return None if made is None or kernel is None else made * math.prod(kernel[1:])


def _transposed_convolution(op: Op, row: Operator, extents: Extents) -> int | None:
    given, kernel = extents.size(op.inputs[0]), extents.shape(_input(op, row.weight))
    return None if given is None or kernel is None else given * math.prod(kernel[1:])


def _product(op: Op, row: Operator, extents: Extents) -> int | None:
    """Each output element takes one row of the first factor, or one column of the second, whose length is the same."""
    made, left, right = extents.size(op.outputs[0]), op.inputs[0], _input(op, row.weight)
    along = -2 if op.integer("transA", 0) else -1
    across = -1 if op.integer("transB", 0) or extents.value(right).rank == 1 else -2
    inner = extents.literal(left, along) or extents.literal(right, across)
    if inner is None:
        shape = extents.shape(left)
        inner = shape[along] if shape and len(shape) >= -along else None
    return None if made is None or inner is None else made * inner


def _packed_product(op: Op, row: Operator, extents: Extents) -> int | None:
    given = extents.size(op.inputs[0])
    return None if given is None else given * op.integer("N", 0)


def _einsum(op: Op, row: Operator, extents: Extents) -> int | None:
    """Factors are contracted from left to right; a label that nothing later asks for is summed away."""
    left, _, right = op.text("equation").replace(" ", "").replace("...", ".").partition("->")
    labels = left.split(",")
    shapes = [extents.shape(i) for i in op.inputs]
    if len(shapes) != len(labels) or any(s is None for s in shapes):
        return None
    size: dict[str, int] = {}
    for term, shape in zip(labels, shapes, strict=True):
        named, rest = term.replace(".", ""), shape or ()
        width = len(rest) - len(named)
        at = term.find(".")
        if width < 0:
            return None
        if at >= 0:
            size["."] = max(size.get(".", 1), math.prod(rest[at : at + width]))
            rest = rest[:at] + rest[at + width :]
        for label, extent in zip(named, rest, strict=False):
            size[label] = max(size.get(label, 1), extent)
    total, held = 0, set(labels[0])
    for at, term in enumerate(labels[1:], 2):
        held |= set(term)
        total += math.prod(size.get(label, 1) for label in held)
        if right:
            held &= set(right).union(*labels[at:])
    return total


def _recurrent(op: Op, row: Operator, extents: Extents) -> int | None:
    """Every step of every sequence meets every weight once."""
    given, first, second = (extents.shape(_input(op, k)) for k in range(3))
    if given is None or first is None or second is None:
        return None
    return math.prod(given[:-1]) * (math.prod(first) + math.prod(second))


def _keys(shape: tuple[int, ...] | None) -> int:
    """The length of a sequence of keys: [batch, length, width] or [batch, heads, length, width]."""
    return shape[2] if shape and len(shape) == 4 else shape[1] if shape and len(shape) > 2 else 0


def _attention(op: Op, row: Operator, extents: Extents) -> int | None:
    """Queries against keys, weights against values: each element of the query and of the result meets every key."""
    query, made = extents.shape(op.inputs[0]), extents.size(op.outputs[0])
    if not query or made is None or len(query) < 3:
        return None
    width, length = math.prod(query), _keys(extents.shape(_input(op, 1)))
    if len(query) == 5:  # packed: [batch, length, heads, 3, width]
        width, length = width // query[3], query[1]
    return (width + made) * ((length or query[1]) + _keys(extents.shape(_input(op, row.past))))


def _grouped_attention(op: Op, row: Operator, extents: Extents) -> int | None:
    """The queries may be packed with keys and values, so count by the result, and by the keys that come out."""
    made, query = extents.size(op.outputs[0]), extents.shape(op.inputs[0])
    if made is None or not query or len(query) < 3:
        return None
    present = _keys(extents.shape(op.outputs[1])) if len(op.outputs) > 1 and op.outputs[1] else 0
    return 2 * made * (present or query[1] + _keys(extents.shape(_input(op, row.past))))


def _projected_attention(op: Op, row: Operator, extents: Extents) -> int | None:
    """Attention with its three projections inside: input [batch, length, width], weight [width, all of Q, K, V]."""
    given, weight = extents.shape(op.inputs[0]), extents.shape(_input(op, row.weight))
    if not given or not weight or len(given) != 3 or len(weight) != 2:
        return None
    if len(op.integers("qkv_hidden_sizes") or (0, 0, 0)) != 3:
        return None
    widths = op.integers("qkv_hidden_sizes") or (weight[1] // 3,) * 3
    before = extents.shape(_input(op, row.past))
    length = given[1] + (before[3] if before and len(before) == 5 else 0)
    return given[0] * given[1] * (given[2] * weight[1] + length * (widths[0] + widths[2]))


COUNTS: Mapping[Macs, Count] = {
    Macs.FREE: lambda op, row, extents: 0,
    Macs.CONVOLUTION: _convolution,
    Macs.TRANSPOSED: _transposed_convolution,
    Macs.PRODUCT: _product,
    Macs.PACKED: _packed_product,
    Macs.EINSUM: _einsum,
    Macs.RECURRENCE: _recurrent,
    Macs.ATTENTION: _attention,
    Macs.GROUPED: _grouped_attention,
    Macs.PROJECTED: _projected_attention,
    Macs.UNCOUNTED: lambda op, row, extents: None,
}
"""How each way of counting goes."""
