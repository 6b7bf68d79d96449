"""A node and the values it reads in, the values it makes out: the arithmetic on constants that shapes are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from reslint.net.values import STANDARD, Array

LARGEST = 1 << 20
"""No constant of more elements than this is computed."""

_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "DequantizeLinear"})


def computed(node: NodeProto, given: list[Array]) -> Array | None:
    """What a node makes of constants; None where that is not known here, or would not run either."""
    compute = _COMPUTE.get(node.op_type)
    if compute is None or node.domain not in STANDARD:
        return None
    try:
        with np.errstate(all="ignore"):
            _refuse_large(node, given)
            return np.asarray(compute(node, given))
    except (ValueError, TypeError, IndexError, KeyError, OverflowError):
        return None


def _refuse_large(node: NodeProto, given: list[Array]) -> None:
    """Raise ValueError where the result would be too large: a few bytes may ask for any amount of memory."""
    if node.op_type == "Gather":
        size = given[0].size // max(1, given[0].shape[_attribute(node, "axis", 0)]) * given[1].size
    elif node.op_type == "Expand":
        size = math.prod(np.broadcast_shapes(given[0].shape, tuple(int(v) for v in given[1].reshape(-1))))
    elif node.op_type in _ELEMENTWISE:
        size = math.prod(np.broadcast_shapes(*(g.shape for g in given)))
    else:
        return
    if size > LARGEST:
        raise ValueError("too large")


def held(tensor: TensorProto) -> Array:
    """The elements of a tensor that holds them itself. Raises ValueError for one that names a file."""
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ValueError("external")
    return numpy_helper.to_array(tensor)


def literal(node: NodeProto) -> Array | None:
    """The value of a Constant node that holds numbers and no tensor."""
    for a in node.attribute:
        values = {"value_float": a.f, "value_int": a.i, "value_floats": list(a.floats), "value_ints": list(a.ints)}
        if a.name in values:
            return np.asarray(values[a.name], np.float32 if "float" in a.name else np.int64)
    return None


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def _axes(node: NodeProto, given: list[Array]) -> tuple[int, ...] | None:
    listed = next((tuple(a.ints) for a in node.attribute if a.name == "axes"), None)
    return listed if listed is not None else tuple(int(v) for v in given[1].reshape(-1)) if len(given) > 1 else None


def _unsqueeze(node: NodeProto, given: list[Array]) -> Array:
    return np.expand_dims(given[0], _axes(node, given) or 0)


def _constant_of_shape(node: NodeProto, given: list[Array]) -> Array:
    shape = tuple(int(v) for v in given[0].reshape(-1))
    if math.prod(shape) > LARGEST:
        raise ValueError("too large")
    value = next((held(a.t) for a in node.attribute if a.name == "value"), np.zeros(1, np.float32))
    return np.full(shape, value.reshape(-1)[0])


def _slice(node: NodeProto, given: list[Array]) -> Array:
    starts, ends = (given[k].reshape(-1).tolist() for k in (1, 2))
    axes = given[3].reshape(-1).tolist() if len(given) > 3 else range(len(starts))
    steps = given[4].reshape(-1).tolist() if len(given) > 4 else [1] * len(starts)
    cut: list[slice] = [slice(None)] * given[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, end if abs(end) < 1 << 62 else None, step)
    return given[0][tuple(cut)]


def _reshape(node: NodeProto, given: list[Array]) -> Array:
    shape = [given[0].shape[k] if not d else int(d) for k, d in enumerate(given[1].reshape(-1))]
    return given[0].reshape(shape)


def _cast(node: NodeProto, given: list[Array]) -> Array:
    return given[0].astype(onnx.helper.tensor_dtype_to_np_dtype(_attribute(node, "to", 1)))


def _divide(node: NodeProto, given: list[Array]) -> Array:
    return np.asarray((np.floor_divide if given[0].dtype.kind in "iu" else np.divide)(given[0], given[1]))


_COMPUTE: Mapping[str, Callable[[NodeProto, list[Array]], Array]] = {
    "Add": lambda n, g: np.add(g[0], g[1]),
    "Sub": lambda n, g: np.subtract(g[0], g[1]),
    "Mul": lambda n, g: np.multiply(g[0], g[1]),
    "Div": _divide,
    "Pow": lambda n, g: np.power(g[0], g[1]),
    "Neg": lambda n, g: np.negative(g[0]),
    "Sqrt": lambda n, g: np.sqrt(g[0]),
    "Reciprocal": lambda n, g: np.reciprocal(g[0]),
    "Exp": lambda n, g: np.exp(g[0]),
    "Sigmoid": lambda n, g: np.reciprocal(1 + np.exp(np.negative(g[0]))),
    "Tanh": lambda n, g: np.tanh(g[0]),
    "Identity": lambda n, g: g[0],
    "Cast": _cast,
    "Concat": lambda n, g: np.concatenate(g, axis=_attribute(n, "axis", 0)),
    "Gather": lambda n, g: np.take(g[0], g[1].astype(np.int64), axis=_attribute(n, "axis", 0)),
    "Slice": _slice,
    "Reshape": _reshape,
    "Expand": lambda n, g: np.broadcast_to(g[0], np.broadcast_shapes(g[0].shape, tuple(int(v) for v in g[1]))),
    "Unsqueeze": _unsqueeze,
    "Squeeze": lambda n, g: np.squeeze(g[0], _axes(n, g)),
    "Transpose": lambda n, g: np.transpose(g[0], next((tuple(a.ints) for a in n.attribute if a.name == "perm"), None)),
    "Shape": lambda n, g: np.asarray(g[0].shape, np.int64),
    "ConstantOfShape": _constant_of_shape,
    "ReduceProd": lambda n, g: np.full((1,), math.prod(int(v) for v in g[0].reshape(-1)), g[0].dtype),
    "DequantizeLinear": lambda n, g: np.multiply(np.subtract(g[0].astype(np.float32), g[2] if len(g) > 2 else 0), g[1]),
}
