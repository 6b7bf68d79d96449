"""Operators that move, cut, join and repeat elements, and compute none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reslint.anatomy.sizes.call import Call, Formula, Kind
from reslint.anatomy.sizes.extent import UNKNOWN, Extent, Extents, Tensor, is_unknown, product


def _reshape(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    given = call.op.integers("shape") if call.version < 5 else None
    asked = tuple(map(float, given)) if given is not None else call.listed(1)
    if asked is None:
        length = call.extents(1)
        known = length is not None and len(length) == 1 and isinstance(length[0], float) and length[0] == length[0]
        return [Tensor((UNKNOWN,) * int(length[0]))] if known and length is not None else ()
    if x is None:
        return [Tensor(tuple(_flat(np.where(np.less(d, 1), UNKNOWN, d)) for d in asked))]
    return [Tensor(_reshaped(call, x, asked))]


def _reshaped(call: Call, x: Extents, asked: Sequence[Extent]) -> Extents:
    keeps = not call.op.integer("allowzero", 0)
    made = [_copied(d, x[k]) if keeps and k < len(x) else d for k, d in enumerate(asked)]
    open_axes = [k for k, d in enumerate(made) if np.any(np.less(d, 0))]
    left, rest = _uncommon(x, made, keeps)
    total, fixed = product(left), product(_flat(np.where(np.less(d, 0), 1, d)) for d in rest)
    if not open_axes:
        call.must(Kind.RESHAPE, total, fixed)
        return tuple(made)
    with np.errstate(all="ignore"):
        share = np.where(np.greater(fixed, 0), total / fixed, UNKNOWN)
    whole = np.logical_not(np.greater(share % 1, 0))
    inferred = np.logical_or.reduce([np.broadcast_to(np.less(made[k], 0), (call.known.columns,)) for k in open_axes])
    settled = np.equal(total, fixed) | np.isnan(total) | np.isnan(fixed)
    call.needs(Kind.RESHAPE, np.where(inferred, whole, settled), total, fixed)
    for k in open_axes:
        made[k] = _flat(np.where(np.less(made[k], 0), share, made[k]))
    return tuple(made)


def _uncommon(x: Extents, made: Sequence[Extent], keeps: bool) -> tuple[list[Extent], list[Extent]]:
    """Both shapes without what they share: an axis that stays where it was, known or not, and the same formula anywhere."""
    stays = {k for k in range(min(len(x), len(made))) if keeps and made[k] is x[k]}
    left = [d for k, d in enumerate(x) if k not in stays]
    rest = [d for k, d in enumerate(made) if k not in stays]
    for d in [d for d in left if not isinstance(d, float)]:
        if any(e is d for e in rest):
            left = _without(left, d)
            rest = _without(rest, d)
    return left, rest


def _without(extents: Sequence[Extent], one: Extent) -> list[Extent]:
    at = next(k for k, d in enumerate(extents) if d is one)
    return [d for k, d in enumerate(extents) if k != at]


def _copied(asked: Extent, had: Extent) -> Extent:
    """A zero in the new shape keeps what was there."""
    if isinstance(asked, float):
        return had if asked == 0 else asked
    return _flat(np.where(asked == 0, had, asked)) if (asked == 0).any() else asked


def _flat(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Extent:
    return float(values) if values.ndim == 0 else values.reshape(-1)


def _flatten(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return [Tensor((UNKNOWN, UNKNOWN))]
    axis = call.op.integer("axis", 1)
    axis = axis + len(x) if axis < 0 else axis
    return [Tensor((product(x[:axis]), product(x[axis:])))]


def _transpose(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return ()
    perm = call.op.integers("perm") or tuple(reversed(range(len(x))))
    return [Tensor(tuple(x[p] for p in perm))] if len(perm) == len(x) else ()


def _squeeze(call: Call) -> Sequence[Tensor]:
    x, axes = call.extents(), call.integers("axes", 1)
    if x is None or axes is None and call.has(1):
        return ()
    if axes is None:
        return _squeezed_all(call, x)
    gone = {a % len(x) for a in axes} if x else set()
    for axis in gone:
        call.must(Kind.RESHAPE, x[axis], 1.0, axis)
    return [Tensor(tuple(d for k, d in enumerate(x) if k not in gone))]


def _squeezed_all(call: Call, x: Extents) -> Sequence[Tensor]:
    """Without axes all extents of 1 go. One that is 1 at some sizes only is kept, and those sizes are given up."""
    if any(is_unknown(d) for d in x):
        return ()
    kept = [d for d in x if not (isinstance(d, float) and d == 1)]
    for d in kept:
        call.known.loses(call.at(np.equal(d, 1)))
    return [Tensor(tuple(kept))]


def _unsqueeze(call: Call) -> Sequence[Tensor]:
    x, axes = call.extents(), call.integers("axes", 1)
    if x is None or axes is None:
        return ()
    rank = len(x) + len(axes)
    new, rest = {a % rank for a in axes}, iter(x)
    return [Tensor(tuple(1.0 if k in new else next(rest) for k in range(rank)))] if len(new) == len(axes) else ()


def _concat(call: Call) -> Sequence[Tensor]:
    terms = [(call.extents(k), name) for k, name in enumerate(call.op.inputs)]
    first = next((s for s, _ in terms if s is not None), None)
    if first is None or not first:
        return ()
    axis = call.op.integer("axis", 0) % len(first)
    if any(s is not None and len(s) != len(first) for s, _ in terms):
        return ()
    made: list[Extent] = [0.0 if k == axis else d for k, d in enumerate(first)]
    before = terms[0][1]
    for shape, name in terms:
        for k in range(len(first)):
            d = shape[k] if shape is not None else UNKNOWN
            made[k] = made[k] + d if k == axis else call.must(Kind.CONCAT, made[k], d, k, (before, name))
    return [Tensor(tuple(made))]


def _split(call: Call) -> Sequence[Tensor]:
    x, outputs = call.extents(), len(call.op.outputs)
    if x is None or not x:
        return ()
    axis = call.op.integer("axis", 0) % len(x)
    given = call.op.integers("split")
    parts = tuple(map(float, given)) if given is not None else call.listed(1) if call.has(1) else None
    if parts is None and not call.has(1):
        parts = _even(call, x[axis], outputs, axis)
    elif parts is not None:
        call.must(Kind.SPLIT, x[axis], sum(parts[1:], start=parts[0]), axis)
    if parts is None or len(parts) != outputs:
        parts = (UNKNOWN,) * outputs
    return [Tensor((*x[:axis], part, *x[axis + 1 :])) for part in parts]


def _even(call: Call, extent: Extent, parts: int, axis: int) -> tuple[Extent, ...]:
    if call.op.attribute("num_outputs") is None:
        call.needs(Kind.SPLIT, np.logical_not(np.greater(extent % parts, 0)), extent, float(parts), axis)
        return (extent / parts,) * parts
    chunk = np.ceil(extent / parts)
    return (*(chunk,) * (parts - 1), extent - chunk * (parts - 1))


def _slice(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return ()
    starts, ends = _bounds(call, "starts", 1), _bounds(call, "ends", 2)
    number = len(starts or ends or ())
    axes = call.integers("axes", 3) or (tuple(range(number)) if not call.has(3) else None)
    steps = _bounds(call, "steps", 4) if call.has(4) else (1.0,) * number
    if axes is None:
        return [Tensor((UNKNOWN,) * len(x))]
    made = list(x)
    for k, axis in enumerate(axes):
        if not -len(x) <= axis < len(x):
            return ()
        known = starts is not None and ends is not None and steps is not None and len(starts) == len(ends) == len(axes)
        made[axis] = (
            _cut(x[axis], starts[k], ends[k], steps[k])
            if known and starts is not None and ends is not None and steps is not None
            else UNKNOWN
        )
    return [Tensor(tuple(made))]


def _bounds(call: Call, name: str, at: int) -> tuple[Extent, ...] | None:
    given = call.op.integers(name)
    return tuple(map(float, given)) if given is not None else call.listed(at)


def _cut(extent: Extent, start: Extent, end: Extent, step: Extent) -> Extent:
    """How many positions a slice leaves; negative bounds count from the end, far ones are the end."""
    if not isinstance(step, float) or step == 0:
        return UNKNOWN
    low, high = (0.0, extent) if step > 0 else (-1.0, extent - 1)
    first: Extent = np.clip(_from_start(start, extent), max(low, 0.0), high)
    last: Extent = np.clip(_from_start(end, extent), low, high)
    left: Extent = np.maximum(0.0, np.ceil((last - first) / step))
    return left


def _from_start(bound: Extent, extent: Extent) -> Extent:
    if isinstance(bound, float):
        return bound + extent if bound < 0 else bound
    return _flat(np.where(bound < 0, bound + extent, bound))


def _pad(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return ()
    given = call.op.integers("pads") or call.op.integers("paddings")
    pads = tuple(map(float, given)) if given is not None else call.listed(1)
    axes = (call.integers("axes", 3) if call.has(3) else None) or tuple(range(len(x)))
    if pads is None or len(pads) != 2 * len(axes):
        return [Tensor((UNKNOWN,) * len(x))]
    made = list(x)
    for k, axis in enumerate(axes):
        made[axis] = x[axis] + pads[k] + pads[k + len(axes)]
    return [Tensor(tuple(made))]


def _crop(call: Call) -> Sequence[Tensor]:
    """The experimental Crop of opset 1: borders left, top, right, bottom, or a size (`scale`)."""
    x, border, scale = call.extents(), call.op.integers("border"), call.op.integers("scale")
    if x is None or border is None or len(border) != 4 or len(x) != 4:
        return ()
    left, top, right, bottom = border
    if scale is not None and len(scale) == 2:
        return [Tensor((*x[:2], float(scale[0]), float(scale[1])))]
    return [Tensor((*x[:2], x[2] - top - bottom, x[3] - left - right))]


def _expand(call: Call) -> Sequence[Tensor]:
    asked = call.listed(1)
    return [Tensor(call.spread([call.extents(), asked], [call.name(0), call.name(1)]))] if asked is not None else ()


def _tile(call: Call) -> Sequence[Tensor]:
    x, repeats = call.extents(), call.listed(1)
    if x is None:
        return ()
    if repeats is None or len(repeats) != len(x):
        return [Tensor((UNKNOWN,) * len(x))]
    return [Tensor(tuple(d * r for d, r in zip(x, repeats, strict=True)))]


def _gather(call: Call) -> Sequence[Tensor]:
    x, indices, axis = call.extents(), call.extents(1), call.op.integer("axis", 0)
    if x is None or indices is None or not x:
        return ()
    axis %= len(x)
    return [Tensor((*x[:axis], *indices, *x[axis + 1 :]))]


def _gather_nd(call: Call) -> Sequence[Tensor]:
    x, indices, batch = call.extents(), call.extents(1), call.op.integer("batch_dims", 0)
    if x is None or not indices or not isinstance(indices[-1], float) or is_unknown(indices[-1]):
        return ()
    return [Tensor((*indices[:-1], *x[batch + int(indices[-1]) :]))]


def _constant_of_shape(call: Call) -> Sequence[Tensor]:
    asked = call.listed(0)
    return [Tensor(asked)] if asked is not None else ()


def _range(call: Call) -> Sequence[Tensor]:
    given = [call.listed(k) for k in range(3)]
    if any(not g for g in given):
        return [Tensor((UNKNOWN,))]
    start, limit, step = (g[0] if g else UNKNOWN for g in given)
    with np.errstate(all="ignore"):
        return [Tensor((np.maximum(0.0, np.ceil((limit - start) / step)),))]


def _non_zero(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    return [Tensor((float(len(x)), UNKNOWN))] if x is not None else ()


def _top_k(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    k = call.listed(1) if call.has(1) else (float(call.op.integer("k", 1)),)
    if x is None or not x:
        return ()
    axis = call.op.integer("axis", -1) % len(x)
    return [Tensor((*x[:axis], k[0] if k else UNKNOWN, *x[axis + 1 :]))] * 2


def _one_hot(call: Call) -> Sequence[Tensor]:
    x, depth = call.extents(), call.listed(1)
    if x is None:
        return ()
    axis = call.op.integer("axis", -1)
    axis = axis + len(x) + 1 if axis < 0 else axis
    return [Tensor((*x[:axis], depth[0] if depth else UNKNOWN, *x[axis:]))]


def _shape(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return [Tensor((UNKNOWN,))]
    start, end = call.op.integer("start", 0), call.op.integer("end", len(x))
    return [Tensor((float(len(x[start:end])),))]


def _like(at: int) -> Formula:
    return lambda call: call.same(at)


LAYOUT: Mapping[str, Formula] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
    "Crop": _crop,
    "Expand": _expand,
    "Tile": _tile,
    "Gather": _gather,
    "GatherElements": _like(1),
    "GatherND": _gather_nd,
    "ScatterElements": _like(0),
    "ScatterND": _like(0),
    "Scatter": _like(0),
    "TensorScatter": _like(0),
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "NonZero": _non_zero,
    "TopK": _top_k,
    "OneHot": _one_hot,
    "Shape": _shape,
    "Size": lambda call: [Tensor(())],
    "EyeLike": _like(0),
    "ReverseSequence": _like(0),
    "Trilu": _like(0),
    "CumSum": _like(0),
}
