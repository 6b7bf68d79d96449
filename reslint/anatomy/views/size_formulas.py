"""A block in, how large its sides become for each size of its fork out: the formulas of convolution, pooling and slicing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reslint.anatomy.graph.ops import CONVS, kernel
from reslint.anatomy.values import Block
from reslint.net import Net, Op
from reslint.net.weights import array, integers

Sizes = np.ndarray[tuple[int], np.dtype[np.int64]]

TRIED: Sizes = np.arange(1, 130, dtype=np.int64)
"""The sizes of the fork that are compared; the formulas repeat with the product of the strides."""

_POOLS = frozenset({"MaxPool", "AveragePool", "LpPool"})
_FAR = 1 << 40


def side_sizes(block: Block, axis: int) -> tuple[Sizes, Sizes] | None:
    """The extents of shortcut and branch along an axis for each of the sizes TRIED of the fork; None without a formula."""
    shape = block.net.shape(block.fork)
    if shape is None:
        return None
    short = _followed(block.net, block.shortcut, block.fork, len(shape), axis).get(block.sides[0])
    long = _followed(block.net, block.branch, block.fork, len(shape), axis).get(block.sides[1])
    if short is None or long is None or short[0] != axis or long[0] != axis:
        return None
    return short[1], long[1]


Along = tuple[int, Sizes]  # where the followed axis is now, and its extents


def _followed(net: Net, ops: Sequence[Op], fork: str, rank: int, axis: int) -> dict[str, Along]:
    known: dict[str, Along] = {fork: (axis, TRIED)}
    ranks = {fork: rank}
    for op in ops:
        given = [known[i] for i in op.inputs if i in known]
        unknown = any(i not in known for i in op.data)
        if not given or unknown or any(g[0] != given[0][0] or not np.array_equal(g[1], given[0][1]) for g in given):
            continue
        after = _through(net, op, *given[0], ranks.get(op.inputs[0], rank))
        for output in op.outputs:
            if after is not None:
                known[output] = after
                ranks[output] = len(net.shape(output) or ()) or rank
    return known


def _through(net: Net, op: Op, axis: int, sizes: Sizes, rank: int) -> Along | None:
    if op.type in CONVS or op.type in _POOLS:
        made = _convolved(net, op, axis - 2, sizes) if axis >= 2 and op.type != "ConvTranspose" else None
        return (axis, made) if made is not None else None
    if op.type == "Transpose":
        perm = op.integers("perm") or tuple(reversed(range(rank)))
        return (perm.index(axis), sizes) if axis in perm else None
    if op.type == "Slice":
        return _sliced(net, op, axis, sizes, rank)
    if op.type == "Pad":
        return _padded(net, op, axis, sizes, rank)
    if op.type in ("MatMul", "Gemm"):
        return (axis, sizes) if axis < rank - 1 else None
    if op.type in _SAME:
        return axis, sizes
    return None


_SAME = frozenset(
    {
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Sigmoid",
        "HardSigmoid",
        "Tanh",
        "Softplus",
        "Gelu",
        "HardSwish",
        "Clip",
        "Mish",
    }
    | {
        "Swish",
        "BatchNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "RMSNormalization",
    }
    | {"Add", "Sub", "Mul", "Div", "Cast", "Dropout", "Erf", "Sqrt", "Pow", "Neg", "Softmax", "LpNormalization"}
)


def _convolved(net: Net, op: Op, at: int, sizes: Sizes) -> Sizes | None:
    """The output extents of a convolution or a pooling (ONNX operators, Conv and MaxPool: output shape)."""
    weight = kernel(net, op) if op.type in CONVS else ()
    ones = (1,) * (at + 1)
    kernels, strides, dilations = (
        op.integers("kernel_shape") or weight,
        op.integers("strides") or ones,
        op.integers("dilations") or ones,
    )
    if min(len(kernels), len(strides), len(dilations)) <= at:
        return None
    extent, stride, dilation = kernels[at], strides[at], dilations[at]
    reach = dilation * (extent - 1) + 1 if isinstance(extent, int) else _FAR
    if stride < 1 or not 0 < reach < _FAR:
        return None
    mode = op.text("auto_pad", "NOTSET")
    if mode.startswith("SAME"):
        return -(-sizes // stride)
    pads = op.integers("pads") if mode == "NOTSET" else None
    if pads and (len(pads) <= at + len(pads) // 2 or max(map(abs, pads)) >= _FAR):
        return None
    padding = pads[at] + pads[at + len(pads) // 2] if pads else 0
    room = sizes + padding - reach
    return (-(-room // stride) if op.integer("ceil_mode", 0) else room // stride) + 1


def _sliced(net: Net, op: Op, axis: int, sizes: Sizes, rank: int) -> Along | None:
    if len(op.inputs) < 3:
        return None
    starts, ends = integers(net, op.inputs[1]), integers(net, op.inputs[2])
    axes = integers(net, op.inputs[3]) if len(op.inputs) > 3 and op.inputs[3] else tuple(range(len(starts or ())))
    steps = integers(net, op.inputs[4]) if len(op.inputs) > 4 and op.inputs[4] else (1,) * len(starts or ())
    if starts is None or ends is None or axes is None or steps is None or not rank:
        return None
    if not len(starts) == len(ends) == len(axes) == len(steps):
        return None
    for a, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if a % rank == axis:
            if step < 1:
                return None
            first, last = _clamped(start, sizes), _clamped(end, sizes)
            return axis, np.maximum(0, -(-(last - first) // step))
    return axis, sizes


def _clamped(bound: int, sizes: Sizes) -> Sizes:
    """Where a slice's bound lies: negative ones count from the end, far ones are the end."""
    near = max(-_FAR, min(bound, _FAR))
    return np.minimum(np.maximum(sizes + near if near < 0 else np.full_like(sizes, near), 0), sizes)


def _padded(net: Net, op: Op, axis: int, sizes: Sizes, rank: int) -> Along | None:
    pads = array(net, op.inputs[1], 64) if len(op.inputs) > 1 else None
    if pads is None or pads.size != 2 * rank:
        return None
    flat = pads.reshape(-1)
    return axis, sizes + int(flat[axis]) + int(flat[axis + rank])
