"""The arithmetic on small tensors that shapes, bounds and scales are made of, for all assignments at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import TensorProto

from reslint.anatomy.sizes.extent import Extents, Numbers
from reslint.net import Net, Op
from reslint.net.arithmetic import held

MOST = 256
"""Tensors of more elements than this are not computed."""

_INTEGERS = frozenset({TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT8})
_SINGLE = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})


def shape_numbers(op: Op, extents: Extents | None, columns: int) -> Numbers | None:
    """What Shape and Size give, which is all that they take from their input."""
    if extents is None:
        return None
    if op.type == "Size":
        total: Numbers = np.ones(1)
        for d in extents:
            total = total * d
        return total
    asked = extents[op.integer("start", 0) : op.integer("end", len(extents))]
    if all(isinstance(d, float) for d in asked):
        return np.asarray(asked, np.float64).reshape(1, -1)
    return np.stack([np.broadcast_to(np.asarray(d), (columns,)) for d in asked], axis=1)


def computed(net: Net, op: Op, given: Sequence[Numbers | None]) -> Numbers | None:
    """The elements that an op makes of those of its inputs (None for one that is left out); None where that is not known."""
    compute = _COMPUTE.get(op.kind)
    known = [g for g in given if g is not None]
    if compute is None or not known:
        return None
    kind = net.value(op.id).type or net.value(op.inputs[0]).type
    try:
        with np.errstate(all="ignore"):
            made = compute(op, known, given, kind in _INTEGERS)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if made is None or math.prod(made.shape[1:]) > MOST:
        return None
    # Floats in single precision, as the runtime has them: that decides where a scale is rounded.
    return made.astype(np.float32).astype(np.float64) if kind in _SINGLE else made


# What a formula gets: the op, those of its inputs that are there, all of its inputs, and whether it makes integers.
Compute = Callable[[Op, list[Numbers], Sequence[Numbers | None], bool], Numbers | None]


def _aligned(given: Sequence[Numbers]) -> list[Numbers]:
    """Tensors with as many axes as the one that has most, behind the axis of assignments."""
    rank = max(g.ndim for g in given)
    return [g.reshape(g.shape[0], *(1,) * (rank - g.ndim), *g.shape[1:]) for g in given]


def _of_two(ufunc: Callable[[Numbers, Numbers], np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Compute:
    def compute(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
        total, *others = _aligned(known)
        for other in others:
            unknown = np.isnan(total) | np.isnan(other)
            total = np.where(unknown, np.nan, ufunc(total, other).astype(np.float64))
        return total

    return compute


def _of_one(ufunc: Callable[[Numbers], np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Compute:
    return lambda op, known, given, whole: np.where(np.isnan(known[0]), np.nan, ufunc(known[0]))


def _divided(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    one, other = _aligned(known)
    return np.trunc(one / other) if whole else one / other


def _modulo(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    one, other = _aligned(known)
    return np.fmod(one, other) if op.integer("fmod", 0) else np.mod(one, other)


def _join(given: Sequence[Numbers], axis: int) -> Numbers:
    columns = max(g.shape[0] for g in given)
    return np.concatenate([np.broadcast_to(g, (columns, *g.shape[1:])) for g in given], axis=axis)


def _concat(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    axis = op.integer("axis", 0)
    return _join(known, axis + 1 if axis >= 0 else axis)


def _gather(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    x, indices = known
    axis = op.integer("axis", 0)
    axis = axis + 1 if axis >= 0 else axis + x.ndim
    if indices.shape[0] != 1 or np.isnan(indices).any():
        return None
    taken: Numbers = np.take(x, indices[0].astype(np.int64), axis=axis)
    return taken


def _sliced(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    x = known[0]
    starts, ends = op.integers("starts") or _fixed(given, 1), op.integers("ends") or _fixed(given, 2)
    if starts is None or ends is None:
        return None
    axes = op.integers("axes") or _fixed(given, 3) or tuple(range(len(starts)))
    steps = _fixed(given, 4) or (1,) * len(starts)
    cut: list[slice] = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis + 1 if axis >= 0 else axis] = slice(start, end if abs(end) < 1 << 31 - 1 else None, step)
    return x[tuple(cut)]


def _fixed(given: Sequence[Numbers | None], at: int) -> tuple[int, ...] | None:
    """Elements that are the same for all assignments, as integers."""
    found = given[at] if at < len(given) else None
    if found is None or found.shape[0] != 1 or np.isnan(found).any():
        return None
    return tuple(int(v) for v in found.reshape(-1))


def _reshaped(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    shape = op.integers("shape") or _fixed(given, 1)
    if shape is None:
        return None
    x = known[0]
    return x.reshape(x.shape[0], *(x.shape[k + 1] if d == 0 else d for k, d in enumerate(shape)))


def _squeezed(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    x, axes = known[0], op.integers("axes") or _fixed(given, 1)
    axes = tuple(a % (x.ndim - 1) + 1 for a in axes) if axes else tuple(k for k in range(1, x.ndim) if x.shape[k] == 1)
    return np.squeeze(x, axes)


def _unsqueezed(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    x, axes = known[0], op.integers("axes") or _fixed(given, 1)
    if axes is None:
        return None
    rank = x.ndim - 1 + len(axes)
    return np.expand_dims(x, tuple(a % rank + 1 for a in axes))


def _transposed(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    x = known[0]
    perm = op.integers("perm") or tuple(reversed(range(x.ndim - 1)))
    return np.transpose(x, (0, *(p + 1 for p in perm)))


def _cast(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    kind = op.integer("to", 1)
    if kind == TensorProto.BOOL:
        return np.where(np.isnan(known[0]), np.nan, known[0] != 0)
    return np.trunc(known[0]) if kind in _INTEGERS else known[0]


def _filled(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    shape = _fixed(given, 0)
    if shape is None or math.prod(shape) > MOST:
        return None
    value = op.attribute("value")
    if not isinstance(value, TensorProto):
        return np.zeros((1, *shape))
    return np.full((1, *shape), float(held(value).reshape(-1)[0]))


def _expanded(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    shape = _fixed(given, 1)
    if shape is None:
        return None
    x = known[0]
    wide = np.broadcast_shapes(x.shape[1:], shape)
    if math.prod(wide) > MOST:
        return None
    return np.broadcast_to(_aligned([x, np.empty((1, *wide))])[0], (x.shape[0], *wide))


def _chosen(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
    test, one, other = _aligned(known)
    return np.where(np.isnan(test), np.nan, np.where(test != 0, one, other))


def _ranged(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    ends = [_fixed(given, k) for k in range(3)]
    if any(not e or len(e) != 1 for e in ends):
        return None
    start, limit, step = (e[0] for e in ends if e)
    if not step or abs(limit - start) > MOST * abs(step):
        return None
    return np.arange(start, limit, step, dtype=np.float64).reshape(1, -1)


def _reduced(reduce: Callable[..., Numbers]) -> Compute:
    def compute(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers:
        x, axes = known[0], op.integers("axes") or _fixed(given, 1)
        over = tuple(a % (x.ndim - 1) + 1 for a in axes) if axes else tuple(range(1, x.ndim))
        return reduce(x, axis=over, keepdims=bool(op.integer("keepdims", 1)))

    return compute


def _tiled(op: Op, known: list[Numbers], given: Sequence[Numbers | None], whole: bool) -> Numbers | None:
    repeats = _fixed(given, 1)
    if repeats is None or known[0].size * math.prod(repeats) > MOST * known[0].shape[0]:
        return None
    return np.tile(known[0], (1, *repeats))


_UFUNCS: Mapping[str, Callable[[Numbers, Numbers], np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
    "Sum": np.add,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "LessOrEqual": np.less_equal,
    "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
}

_COMPUTE: Mapping[str, Compute] = {
    **{name: _of_two(ufunc) for name, ufunc in _UFUNCS.items()},
    "Div": _divided,
    "Mod": _modulo,
    "Neg": _of_one(np.negative),
    "Abs": _of_one(np.abs),
    "Sign": _of_one(np.sign),
    "Floor": _of_one(np.floor),
    "Ceil": _of_one(np.ceil),
    "Round": _of_one(np.round),
    "Sqrt": _of_one(np.sqrt),
    "Reciprocal": _of_one(np.reciprocal),
    "Exp": _of_one(np.exp),
    "Log": _of_one(np.log),
    "Not": _of_one(np.logical_not),
    "Identity": lambda op, known, given, whole: known[0],
    "Relu": _of_one(lambda x: np.maximum(x, 0)),
    "Cast": _cast,
    "CastLike": lambda op, known, given, whole: known[0],
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _sliced,
    "Reshape": _reshaped,
    "Flatten": lambda op, known, given, whole: known[0].reshape(len(known[0]), 1, -1),
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Transpose": _transposed,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Where": _chosen,
    "Range": _ranged,
    "Tile": _tiled,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
}
