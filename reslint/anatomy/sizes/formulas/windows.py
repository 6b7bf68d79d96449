"""Operators that slide a window: convolutions, poolings, resizing, frames of a signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reslint.anatomy.sizes.call import Call, Formula, Kind
from reslint.anatomy.sizes.extent import UNKNOWN, Extent, Extents, Tensor, product


def _reach(kernel: Extent, dilation: int) -> Extent:
    """Over how many positions a window reaches."""
    return dilation * (kernel - 1) + 1


def _slid(call: Call, extent: Extent, kernel: Extent, at: int, rank: int, ceil: bool | None) -> Extent:
    """How many windows fit (ONNX operators, Conv and MaxPool: output shape); `ceil` is None for a convolution."""
    op = call.op
    ones = (1,) * rank
    stride, dilation = (op.integers("strides") or ones)[at], (op.integers("dilations") or ones)[at]
    mode = op.text("auto_pad", "NOTSET")
    if mode.startswith("SAME"):
        count = np.ceil(extent / stride)
        if ceil is not None:  # ONNX Runtime refuses a padding below nothing, which a stride above the kernel asks for
            padded = (count - 1) * stride + _reach(kernel, dilation) - extent
            call.needs(Kind.SMALL, np.logical_not(np.less(padded, 0)), extent, kernel, at + 2)
        return count
    pads = (op.integers("pads") if mode in ("NOTSET", "") else None) or (0,) * (2 * rank)
    head, tail = pads[at], pads[at + rank]
    room = extent + head + tail - _reach(kernel, dilation)
    if ceil is None:
        call.fills(room + 1, extent, kernel, at + 2)
        return np.floor(room / stride) + 1
    # A pooling drops what is behind the point as C++ does, so that a window may be larger than what it lies on.
    count = np.trunc(room / stride) + 1
    if ceil:
        rounded = np.ceil(room / stride) + 1
        # A window that would start behind the end is dropped (onnx PR 5741, and ONNX Runtime since 1.19).
        count = rounded - ((rounded - 1) * stride >= extent + head)
    call.known.empties(call.at(np.less(room, 0) | np.less(extent, 1)))
    call.needs(Kind.SMALL, np.logical_not(np.less(count, 0) | np.less(extent, 1)), extent, kernel, at + 2)
    return count


def _windows(call: Call, extents: Extents, kernels: Sequence[Extent], ceil: bool | None = None) -> Extents:
    rank = len(extents) - 2
    if len(kernels) != rank:
        return (UNKNOWN,) * rank
    return tuple(_slid(call, extents[k + 2], kernels[k], k, rank, ceil) for k in range(rank))


def _kernels(call: Call, weight: Extents | None) -> Sequence[Extent]:
    given = call.op.integers("kernel_shape")
    return tuple(map(float, given)) if given is not None else (weight or ())[2:]


def _convolved(weight_at: int) -> Formula:
    def formula(call: Call) -> Sequence[Tensor]:
        x, w = call.extents(), call.extents(weight_at)
        if x is None or w is None or len(x) < 3 or len(w) != len(x):
            return ()
        names = (call.name(0), call.name(weight_at))
        call.must(Kind.PRODUCT, x[1], w[1] * call.op.integer("group", 1), 1, names)
        return [Tensor((x[0], w[0], *_windows(call, x, _kernels(call, w))))]

    return formula


def _fused_conv(call: Call) -> Sequence[Tensor]:
    made = _convolved(1)(call)
    if made and call.has(3):
        return [Tensor(call.spread([made[0].extents, call.extents(3)], [call.op.id, call.name(3)]))]
    return made


def _transposed(call: Call) -> Sequence[Tensor]:
    x, w = call.extents(), call.extents(1)
    if x is None or w is None or len(x) < 3 or len(w) != len(x):
        return ()
    call.must(Kind.PRODUCT, x[1], w[0], 1)
    rank, kernels = len(x) - 2, _kernels(call, w)
    if len(kernels) != rank:
        return ()
    grown = tuple(_grown(call, x[k + 2], kernels[k], k, rank) for k in range(rank))
    return [Tensor((x[0], w[1] * call.op.integer("group", 1), *grown))]


def _grown(call: Call, extent: Extent, kernel: Extent, at: int, rank: int) -> Extent:
    """The extent that a transposed convolution makes (ONNX operators, ConvTranspose)."""
    op = call.op
    ones, zeros = (1,) * rank, (0,) * rank
    asked = op.integers("output_shape")
    if asked is not None:
        return float(asked[at - rank])  # some files list the batch and the channels, too
    stride, dilation = (op.integers("strides") or ones)[at], (op.integers("dilations") or ones)[at]
    mode = op.text("auto_pad", "NOTSET")
    if mode.startswith("SAME"):
        return extent * stride
    pads = (op.integers("pads") if mode in ("NOTSET", "") else None) or zeros * 2
    extra = (op.integers("output_padding") or zeros)[at]
    made = stride * (extent - 1) + extra + _reach(kernel, dilation) - pads[at] - pads[at + rank]
    call.fills(made, extent, kernel, at + 2)
    return made


def _pooled(call: Call) -> Sequence[Tensor]:
    x, kernels = call.extents(), call.op.integers("kernel_shape")
    if x is None or kernels is None or len(x) < 3:
        return ()
    made = Tensor((*x[:2], *_windows(call, x, tuple(map(float, kernels)), bool(call.op.integer("ceil_mode", 0)))))
    return [made] * len(call.op.outputs)


def _unpooled(call: Call) -> Sequence[Tensor]:
    x, kernels = call.extents(), call.op.integers("kernel_shape")
    asked = call.listed(2) if call.has(2) else None
    if call.has(2):
        return [Tensor(asked)]
    if x is None or kernels is None or len(kernels) != len(x) - 2:
        return ()
    rank = len(kernels)
    strides, pads = call.op.integers("strides") or (1,) * rank, call.op.integers("pads") or (0,) * (2 * rank)
    grown = [(x[k + 2] - 1) * strides[k] + kernels[k] - pads[k] - pads[k + rank] for k in range(rank)]
    return [Tensor((*x[:2], *grown))]


def _global(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    return [Tensor((*x[:2], *(1.0,) * (len(x) - 2)))] if x is not None else ()


def _resized(call: Call) -> Sequence[Tensor]:
    x = call.extents()
    if x is None:
        return ()
    old = call.op.type == "Upsample" or call.version < 11
    at_scales, at_sizes = (1, -1) if old else (2, 3)
    axes = call.op.integers("axes") or tuple(range(len(x)))
    sizes = call.listed(at_sizes) if at_sizes > 0 and call.has(at_sizes) else None
    if at_sizes > 0 and call.has(at_sizes):
        return [Tensor(_set(call, x, axes, sizes))]
    given = _numbers(call, "scales")
    scales = tuple(map(float, given)) if given is not None else call.listed(at_scales)
    if scales is None or len(scales) != len(axes):
        return [Tensor((UNKNOWN,) * len(x))]
    made = list(x)
    for axis, scale in zip(axes, scales, strict=True):
        made[axis] = scaled(x[axis], scale)
        call.fills(made[axis], x[axis], scale, axis % len(x))
    return [Tensor(tuple(made))]


def _numbers(call: Call, name: str) -> tuple[float, ...] | None:
    value = call.op.attribute(name)
    return tuple(float(v) for v in value if isinstance(v, int | float)) if isinstance(value, tuple) else None


def scaled(extent: Extent, scale: Extent) -> Extent:
    """ONNX Runtime multiplies in single precision and drops what is behind the point."""
    if isinstance(scale, float) and scale == 1.0:
        return extent
    wide = np.asarray(extent, np.float32) * np.asarray(scale, np.float32)
    return _plain(np.floor(wide.astype(np.float64)))


def _plain(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Extent:
    return float(values) if values.ndim == 0 else values.reshape(-1)


def _set(call: Call, x: Extents, axes: Sequence[int], sizes: Sequence[Extent] | None) -> Extents:
    """The sizes that a Resize is told, which may only bound those that it makes."""
    if sizes is None or len(sizes) != len(axes):
        return (UNKNOWN,) * len(x)
    policy = call.op.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        ratios = [s / x[axis] for axis, s in zip(axes, sizes, strict=True)]
        ratio = ratios[0]
        for other in ratios[1:]:
            ratio = np.minimum(ratio, other) if policy == "not_larger" else np.maximum(ratio, other)
        sizes = [np.floor(ratio * x[axis] + 0.5) for axis in axes]
    made = list(x)
    for axis, size in zip(axes, sizes, strict=True):
        made[axis] = size
    return tuple(made)


def _to_space(call: Call) -> Sequence[Tensor]:
    x, b = call.extents(), call.op.integer("blocksize", 1)
    return [Tensor((x[0], np.floor(x[1] / (b * b)), x[2] * b, x[3] * b))] if x is not None and len(x) == 4 else ()


def _to_depth(call: Call) -> Sequence[Tensor]:
    x, b = call.extents(), call.op.integer("blocksize", 1)
    if x is None or len(x) != 4:
        return ()
    for axis in (2, 3):
        call.needs(Kind.SPLIT, np.logical_not(np.greater(x[axis] % b, 0)), x[axis], float(b), axis)
    return [Tensor((x[0], x[1] * (b * b), np.floor(x[2] / b), np.floor(x[3] / b)))]


def _stft(call: Call) -> Sequence[Tensor]:
    signal, step, window = call.extents(), call.listed(1), call.extents(2)
    frame = call.listed(3) if call.has(3) else window
    if signal is None or not step or not frame or len(signal) < 2:
        return ()
    frames = np.floor((signal[1] - frame[0]) / step[0]) + 1
    call.fills(frames, signal[1], frame[0], 1)
    bins = np.floor(frame[0] / 2) + 1 if call.op.integer("onesided", 1) else frame[0]
    return [Tensor((signal[0], frames, bins, 2.0))]


def _dft(call: Call) -> Sequence[Tensor]:
    x, asked = call.extents(), call.listed(1) if call.has(1) else None
    axes = call.integers("axis", 2) or (1 if call.version < 20 else -2,)
    axis = call.op.integer("axis", axes[0])
    if x is None or call.has(1) and not asked:
        return ()
    made = list(x)
    length = asked[0] if asked else x[axis]
    made[axis] = np.floor(length / 2) + 1 if call.op.integer("onesided", 0) else length
    made[-1] = 1.0 if call.op.integer("inverse", 0) and call.op.integer("onesided", 0) else 2.0
    return [Tensor(tuple(made))]


def _roi_align(call: Call) -> Sequence[Tensor]:
    x, rois = call.extents(), call.extents(1)
    h, w = call.op.integer("output_height", 1), call.op.integer("output_width", 1)
    return [Tensor((rois[0], x[1], float(h), float(w)))] if x is not None and rois is not None else ()


def _grid(call: Call) -> Sequence[Tensor]:
    x, grid = call.extents(), call.extents(1)
    if x is None or grid is None or len(grid) < 3:
        return ()
    call.must(Kind.PRODUCT, x[0], grid[0])
    return [Tensor((x[0], x[1], *grid[1:-1]))]


def _column(call: Call) -> Sequence[Tensor]:
    """Col2Im: the picture whose size is its second input."""
    x, size, block = call.extents(), call.listed(1), call.listed(2)
    if x is None or size is None or block is None:
        return ()
    return [Tensor((x[0], x[1] / product(block), *size))]


WINDOWS: Mapping[str, Formula] = {
    "Conv": _convolved(1),
    "ConvInteger": _convolved(1),
    "DeformConv": _convolved(1),
    "QLinearConv": _convolved(3),
    "com.microsoft.FusedConv": _fused_conv,
    "ConvTranspose": _transposed,
    "MaxPool": _pooled,
    "AveragePool": _pooled,
    "LpPool": _pooled,
    "MaxUnpool": _unpooled,
    "GlobalAveragePool": _global,
    "GlobalMaxPool": _global,
    "GlobalLpPool": _global,
    "com.microsoft.QLinearGlobalAveragePool": lambda c: () if c.op.integer("channels_last", 0) else _global(c),
    "Resize": _resized,
    "Upsample": _resized,
    "DepthToSpace": _to_space,
    "SpaceToDepth": _to_depth,
    "STFT": _stft,
    "DFT": _dft,
    "RoiAlign": _roi_align,
    "GridSample": _grid,
    "Col2Im": _column,
}
