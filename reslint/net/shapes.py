"""What inference and constants tell and what the file declares in, the type and shape of each tensor out."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto, TypeProto, ValueInfoProto

from reslint.net.values import NO_TENSOR, UNKNOWN, Dim, Value

_TYPES = frozenset(TensorProto.DataType.values())


class Shapes(dict[str, Value]):
    """Types and shapes by name, decoded when first asked for: most tensors of a large graph never are.

    Those of a body know the ones `around` it.
    """

    def __init__(
        self,
        told: Mapping[str, ValueInfoProto | TensorProto],
        declared: Mapping[str, ValueInfoProto],
        symbols: frozenset[str],
        around: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__()
        self._told, self._declared, self._symbols, self._around = told, declared, symbols, around
        self._values: dict[bytes, Value] = {}

    def __missing__(self, name: str) -> Value:
        self[name] = found = self._decoded(name)
        return found

    def _decoded(self, name: str) -> Value:
        told = self._told.get(name)
        if isinstance(told, TensorProto):
            return Value(told.data_type if told.data_type in _TYPES else 0, tuple(told.dims))
        if told is None and self._around is not None:
            return self._around[name]  # what a body reads from outside
        found = self._decoded_once(told.type) if told is not None else UNKNOWN
        declared = self._declared.get(name) if self._declared else None
        return _merged(found, self._decoded_once(declared.type), self._symbols) if declared is not None else found

    def _decoded_once(self, kind: TypeProto) -> Value:
        """The value that a type stands for. A net has few types, and to compare their bytes is cheaper than to read them."""
        told = kind.SerializeToString()
        found = self._values.get(told)
        if found is None:
            found = self._values[told] = decoded(kind)
        return found


def decoded(kind: TypeProto) -> Value:
    """The type and shape of a tensor; a sequence, a map and the like are NO_TENSOR, what has no type UNKNOWN."""
    tensor = kind.tensor_type
    if not kind.HasField("tensor_type"):
        return NO_TENSOR if kind.WhichOneof("value") else UNKNOWN
    elements = tensor.elem_type if tensor.elem_type in _TYPES else 0
    if not tensor.HasField("shape"):
        return Value(elements)
    return Value(elements, tuple(_dim(d) for d in tensor.shape.dim))


def _dim(d: onnx.TensorShapeProto.Dimension) -> Dim:
    if d.HasField("dim_value"):
        return d.dim_value if d.dim_value >= 0 else None  # Paddle writes -1 for what it does not know
    return d.dim_param if d.dim_param and isinstance(d.dim_param, str) else None


def _merged(inferred: Value, declared: Value, symbols: frozenset[str]) -> Value:
    """What inference found, filled up with what the file declares: an extent or an input's symbol beats an invented one."""
    if inferred.shape is None or declared.shape is None or len(inferred.shape) != len(declared.shape):
        shape = inferred.shape if inferred.shape is not None else declared.shape
    else:
        shape = tuple(
            i if isinstance(i, int) or i in symbols or d is None else d
            for i, d in zip(inferred.shape, declared.shape, strict=True)
        )
    return Value(inferred.type or declared.type, shape)
