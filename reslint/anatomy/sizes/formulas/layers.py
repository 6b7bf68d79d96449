"""Operators that meet weights or reduce: products, normalizations, reductions, recurrent layers, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reslint.anatomy.sizes.call import Call, Formula, Kind
from reslint.anatomy.sizes.extent import UNKNOWN, Extent, Tensor


def _matmul(second: int) -> Formula:
    def formula(call: Call) -> Sequence[Tensor]:
        a, b = call.extents(), call.extents(second)
        if not a or not b:
            return ()
        names = (call.name(0), call.name(second))
        wide_a, wide_b = (a if len(a) > 1 else (1.0, *a)), (b if len(b) > 1 else (*b, 1.0))
        if call.op.integer("transA", 0):
            wide_a = (*wide_a[:-2], wide_a[-1], wide_a[-2])
        if call.op.integer("transB", 0):
            wide_b = (*wide_b[:-2], wide_b[-1], wide_b[-2])
        call.must(Kind.PRODUCT, wide_a[-1], wide_b[-2], len(a) - 1, names)
        front = call.spread([wide_a[:-2], wide_b[:-2]], names) or ()
        back = (*wide_a[-2:-1], *wide_b[-1:])
        made = (*front, *(d for d, keeps in zip(back, (len(a) > 1, len(b) > 1), strict=True) if keeps))
        return [Tensor(made)]

    return formula


def _gemm(call: Call) -> Sequence[Tensor]:
    a, b = call.extents(), call.extents(1)
    if a is None or b is None or len(a) != 2 or len(b) != 2:
        return ()
    a = a[::-1] if call.op.integer("transA", 0) else a
    b = b[::-1] if call.op.integer("transB", 0) else b
    call.must(Kind.PRODUCT, a[1], b[0], 1)
    made = (a[0], b[1])
    if call.has(2):
        added = call.extents(2)
        if added is not None and len(added) <= 2:
            for back, d in enumerate(reversed(added), 1):
                if not (isinstance(d, float) and d == 1):
                    call.must(Kind.SUM, made[-back], d, 2 - back, (call.op.id, call.name(2)))
    return [Tensor(made)]


def _einsum(call: Call) -> Sequence[Tensor]:
    equation = call.op.text("equation").replace(" ", "")
    given, arrow, wanted = equation.partition("->")
    terms = given.split(",")
    if "." in equation or not arrow or len(terms) != len(call.op.inputs):
        return ()
    sizes: dict[str, Extent] = {}
    for at, term in enumerate(terms):
        shape = call.extents(at)
        if shape is None or len(shape) != len(term):
            return ()
        for axis, (letter, d) in enumerate(zip(term, shape, strict=True)):
            sizes[letter] = call.meet(sizes.get(letter, d), d, axis, (call.name(0), call.name(at)))
    return [Tensor(tuple(sizes[letter] for letter in wanted))]


def _quantized(call: Call) -> Sequence[Tensor]:
    """MatMulNBits: the weight's own rank says nothing of its size, two attributes do."""
    a, k, n = call.extents(), call.op.integer("K", 0), call.op.integer("N", 0)
    if not a or not k or not n:
        return ()
    call.must(Kind.PRODUCT, a[-1], float(k), len(a) - 1, (call.name(0), call.name(1)))
    return [Tensor((*a[:-1], float(n)))]


def _channels(scale: int) -> Formula:
    """A normalization of channels, the second axis, of which its scale has as many."""

    def formula(call: Call) -> Sequence[Tensor]:
        x, w = call.extents(), call.extents(scale)
        if x is not None and w is not None and len(x) > 1 and len(w) == 1:
            call.must(Kind.PRODUCT, x[1], w[0], 1, (call.name(0), call.name(scale)))
        return [Tensor(x)]

    return formula


def _group_norm(call: Call) -> Sequence[Tensor]:
    return _channels(1)(call) if call.version > 20 and not call.op.domain else call.same()


def _trailing(call: Call) -> Sequence[Tensor]:
    """A normalization of the last axes, of which its scale has as many."""
    x, w = call.extents(), call.extents(1)
    if x is not None and w is not None and 0 < len(w) <= len(x):
        for back in range(1, len(w) + 1):
            axis = len(x) - back
            if not (isinstance(w[-back], float) and w[-back] == 1):
                call.must(Kind.PRODUCT, x[axis], w[-back], axis, (call.name(0), call.name(1)))
    return [Tensor(x)]


def _skip_norm(call: Call) -> Sequence[Tensor]:
    x, skip = call.extents(), call.extents(1)
    if x is None:
        return ()
    made = call.spread([x, skip], [call.name(0), call.name(1)]) if skip is not None else x
    return [Tensor(made), Tensor(None), Tensor(None), Tensor(made)]


def _reduced(call: Call) -> Sequence[Tensor]:
    x, keep = call.extents(), call.op.integer("keepdims", 1)
    axes = call.integers("axes", 1)
    if x is None or axes is None and call.has(1):
        return ()
    if not axes and call.op.integer("noop_with_empty_axes", 0):
        return [Tensor(x)]
    gone = {a % len(x) for a in axes} if axes and x else set(range(len(x)))
    return [Tensor(tuple(1.0 if k in gone else d for k, d in enumerate(x) if keep or k not in gone))]


def _argument(call: Call) -> Sequence[Tensor]:
    x, keep = call.extents(), call.op.integer("keepdims", 1)
    if not x:
        return ()
    axis = call.op.integer("axis", 0) % len(x)
    return [Tensor(tuple(1.0 if k == axis else d for k, d in enumerate(x) if keep or k != axis))]


def _recurrent(call: Call) -> Sequence[Tensor]:
    """RNN, GRU, LSTM: [T, B, I] to [T, D, B, H] and the last states [D, B, H]; with layout 1 the batch comes first."""
    x, weight, again = call.extents(), call.extents(1), call.extents(2)
    if x is None or len(x) != 3:
        return ()
    hidden = float(call.op.integer("hidden_size", 0)) or (again[-1] if again else UNKNOWN)
    directions = 2.0 if call.op.text("direction", "forward") == "bidirectional" else 1.0
    first = call.op.integer("layout", 0)
    time, batch = (x[1], x[0]) if first else (x[0], x[1])
    if weight is not None and len(weight) == 3:
        call.must(Kind.PRODUCT, x[2], weight[2], 2, (call.name(0), call.name(1)))
    for at in (5, 6) if call.op.type == "LSTM" else (5,):
        state = call.extents(at)
        if state is not None and len(state) == 3:
            call.must(Kind.PRODUCT, batch, state[0 if first else 1], 0 if first else 1, (call.name(0), call.name(at)))
    states = (batch, directions, hidden) if first else (directions, batch, hidden)
    whole = (batch, time, directions, hidden) if first else (time, directions, batch, hidden)
    return [Tensor(whole), Tensor(states), Tensor(states)]


def _attention(call: Call) -> Sequence[Tensor]:
    """Attention of opset 23: [B, H, S, D], or [B, S, H * D] with the heads as an attribute."""
    q, v = call.extents(0), call.extents(2)
    if q is None or v is None or len(q) != len(v):
        return ()
    if len(q) == 4:
        return [Tensor((*q[:3], v[3]))]
    heads, shared = call.op.integer("q_num_heads", 0), call.op.integer("kv_num_heads", 0)
    return [Tensor((*q[:2], v[2] / shared * heads if heads and shared else UNKNOWN))] if len(q) == 3 else ()


def _multi_head(call: Call) -> Sequence[Tensor]:
    """MultiHeadAttention: queries [B, S, D], values [B, L, Dv] or [B, H, L, D]; packed ones [B, S, H, 3, D]."""
    q, v = call.extents(), call.extents(2)
    if q is None:
        return ()
    if len(q) == 5:
        return [Tensor((*q[:2], q[2] * q[4]))]
    if len(q) != 3:
        return ()
    return [Tensor((*q[:2], v[2] if v is not None and len(v) == 3 else q[2]))]


def _packed_attention(call: Call) -> Sequence[Tensor]:
    x, bias = call.extents(), call.extents(2)
    sizes = call.op.integers("qkv_hidden_sizes")
    if x is None or len(x) != 3:
        return ()
    width: Extent = float(sizes[2]) if sizes else bias[0] / 3 if bias else x[2]
    return [Tensor((*x[:2], width))]


def _shared_attention(call: Call) -> Sequence[Tensor]:
    """GroupQueryAttention: queries [B, S, H * D], or queries, keys and values in one."""
    q, heads, shared = call.extents(), call.op.integer("num_heads", 0), call.op.integer("kv_num_heads", 0)
    if q is None or len(q) != 3:
        return ()
    packed = not call.has(1)
    return [Tensor((*q[:2], q[2] * (heads / (heads + 2 * shared)) if packed and heads else q[2]))]


def _ids(call: Call) -> Sequence[Tensor]:
    """EmbedLayerNormalization: token numbers [B, S] and tables to [B, S, D]."""
    ids, table = call.extents(), call.extents(2)
    return [Tensor((*ids, table[-1]))] if ids is not None and table else ()


_REDUCTIONS = ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")

LAYERS: Mapping[str, Formula] = {
    "MatMul": _matmul(1),
    "MatMulInteger": _matmul(1),
    "QLinearMatMul": _matmul(3),
    "com.microsoft.FusedMatMul": _matmul(1),
    "com.microsoft.TransposeMatMul": _matmul(1),
    "com.microsoft.DynamicQuantizeMatMul": _matmul(1),
    "com.microsoft.MatMulIntegerToFloat": _matmul(1),
    "com.microsoft.MatMulNBits": _quantized,
    "Gemm": _gemm,
    "com.microsoft.FusedGemm": _gemm,
    "Einsum": _einsum,
    "BatchNormalization": _channels(1),
    "InstanceNormalization": _channels(1),
    "GroupNormalization": _group_norm,
    "LayerNormalization": _trailing,
    "RMSNormalization": _trailing,
    "SimplifiedLayerNormalization": _trailing,
    "com.microsoft.SimplifiedLayerNormalization": _trailing,
    "com.microsoft.SkipLayerNormalization": _skip_norm,
    "com.microsoft.SkipSimplifiedLayerNormalization": _skip_norm,
    "com.microsoft.EmbedLayerNormalization": _ids,
    **{f"Reduce{name}": _reduced for name in _REDUCTIONS},
    "ArgMax": _argument,
    "ArgMin": _argument,
    "RNN": _recurrent,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "Attention": _attention,
    "com.microsoft.MultiHeadAttention": _multi_head,
    "com.microsoft.Attention": _packed_attention,
    "com.microsoft.GroupQueryAttention": _shared_attention,
}
