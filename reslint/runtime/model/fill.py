"""A weight that is not there in, seeded values that could be it out.

Where the tensor's metadata tells the mean and deviation (`mean`, `std`) of what was left out, they are kept; else the
values are those of a fresh model: products keep the variance of what they read, normalizations change nothing.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto, helper

from reslint.net import Net, Op
from reslint.net.values import Array

_TABLE = 0.02  # the usual deviation of a fresh embedding
_ONES: Mapping[str, frozenset[int]] = {  # the inputs that a fresh model scales with, and does not
    **{op: frozenset({0, 1}) for op in ("Mul", "Div")},
    **{op: frozenset({1}) for op in ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")},
    **{op: frozenset({1}) for op in ("InstanceNormalization", "GroupNormalization", "GroupNorm")},
    **{op: frozenset({2}) for op in ("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")},
    "BatchNormalization": frozenset({1, 4}),
}
_SCALES: Mapping[str, frozenset[int]] = {  # the inputs that must be above zero: variances, and steps of quantization
    "BatchNormalization": frozenset({4}),
    "QuantizeLinear": frozenset({1}),
    "DequantizeLinear": frozenset({1}),
    "QLinearConv": frozenset({1, 4, 6}),
    "QLinearMatMul": frozenset({1, 4, 6}),
    "MatMulNBits": frozenset({2}),
}
_NARROW: Mapping[str, tuple[int, int]] = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}


def filled(net: Net, tensor: TensorProto, seed: int) -> Array:
    """Values of a tensor's type and shape. The same name and seed give the same values, in whatever model."""
    random = np.random.default_rng([seed, zlib.crc32(tensor.name.encode("utf-8", "backslashreplace"))])
    kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    uses = [(op, at) for op in net.consumers.get(tensor.name, ()) for at, i in enumerate(op.inputs) if i == tensor.name]
    noted = _noted(tensor)
    shape = tuple(tensor.dims)
    if kind == np.bool_:
        return random.random(shape) < (noted[0] if noted else 1.0)
    if kind.kind in "iu" or kind.name in _NARROW:
        return _whole(shape, kind, noted, random)
    mean, deviation = noted or _fresh(shape, uses)
    values = random.normal(mean, deviation, shape)
    if any(at in _SCALES.get(op.type, ()) for op, at in uses):
        values = np.abs(values)
    if kind.kind == "f":
        most = float(np.finfo(kind.name).max)
        values = np.clip(values, -most, most)  # a mask's values are as far apart as can be
    return values.astype(kind)


def _noted(tensor: TensorProto) -> tuple[float, float] | None:
    """The mean and deviation that a tensor's metadata tells."""
    held = {p.key: p.value for p in tensor.metadata_props}
    try:
        mean, deviation = float(held["mean"]), float(held["std"])
    except (KeyError, ValueError):
        return None
    return (mean, deviation) if math.isfinite(mean) and math.isfinite(deviation) and deviation >= 0 else None


def _whole(
    shape: tuple[int, ...], kind: np.dtype[np.generic], noted: tuple[float, float] | None, random: np.random.Generator
) -> Array:
    """Whole numbers, drawn evenly: tables of indices must stay below their largest, and quantized weights may be anything."""
    mean, deviation = noted or (0.0, 0.0)
    reach = 1.7 * deviation  # an even spread over n numbers has this share of half of n
    least, most = _NARROW.get(kind.name) or (
        np.iinfo(kind.name).min if kind.itemsize < 2 else 0,
        np.iinfo(kind.name).max,
    )
    low, high = (min(max(math.floor(edge), least), most) for edge in (mean - reach, mean + reach))
    return random.integers(low, high, shape, endpoint=True).astype(kind)


def _fresh(shape: tuple[int, ...], uses: list[tuple[Op, int]]) -> tuple[float, float]:
    """Mean and deviation of a weight of a fresh model, by what reads it."""
    op, at = uses[0] if uses else (None, 0)
    if op is not None and at in _ONES.get(op.type, ()):
        return 1.0, 0.0
    if op is None or len(shape) < 2:
        return 0.0, 0.0
    if op.type in ("Gather", "GatherElements", "EmbedLayerNormalization"):
        return 0.0, _TABLE
    inner = {"MatMul": shape[-2], "Gemm": shape[op.integer("transB", 0)]}
    return 0.0, max(inner.get(op.type, math.prod(shape[1:])), 1) ** -0.5
