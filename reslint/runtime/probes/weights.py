"""A net in, what its learned weights hold that they should not out: each is read once and let go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import TensorProto

from reslint.anatomy.graph.ops import NORMS, is_layer
from reslint.measure import Weight
from reslint.net import Net, Op
from reslint.net.values import Array
from reslint.net.weights import load

_ALL = 1 << 40
_LARGEST = 65504.0
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
_TABLES = frozenset({"Gather", "EmbedLayerNormalization"})


def odd_weights(net: Net) -> Iterator[Weight]:
    """The weights of layers, normalizations and tables that hold NaN, infinity, more than half precision, or rows of zeros."""
    for name, constant in net.constants.items():
        if not isinstance(constant, TensorProto) or constant.data_type not in _FLOATS:
            continue
        op = next((op for op in net.consumers.get(name, ()) if _learns(net, op, name)), None)
        values = load(net, constant, _ALL) if op is not None else None
        if op is not None and values is not None and values.size:
            found = _weight(name, op, values)
            if found.nan or found.infinite or found.peak > _LARGEST or found.zero_rows:
                yield found


def _learns(net: Net, op: Op, name: str) -> bool:
    """Whether an op uses a constant as its weight; masks and limits are none."""
    if op.type in _TABLES:
        return name in op.inputs[:3]
    return name in op.inputs[1:] and (is_layer(net, op) or op.type in NORMS)


def _weight(name: str, op: Op, values: Array) -> Weight:
    wide = values.astype(np.float32) if values.dtype.name == "bfloat16" else values
    nan, finite = int(np.count_nonzero(wide != wide)), np.isfinite(wide)
    peak = float(np.max(np.abs(wide), where=finite, initial=0))
    rows, of = _zero_rows(op, wide)
    return Weight(name, op, nan, int(wide.size - np.count_nonzero(finite)) - nan, peak, rows, of)


def _zero_rows(op: Op, values: Array) -> tuple[int, int]:
    """How many of a layer's outputs have a weight of all zeros, and how many there are."""
    if values.ndim < 2 or op.type in _TABLES or op.type in NORMS:
        return 0, 0
    last = op.type == "MatMul" or op.type == "Gemm" and not op.integer("transB", 0)
    rows = np.moveaxis(values, -1 if last else 0, 0)
    used = np.any(rows.reshape(len(rows), -1) != 0, axis=1)
    return int(np.count_nonzero(~used)), len(rows)
