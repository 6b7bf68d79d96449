"""Net in, Cost out: parameters, multiply-accumulates and bytes of activations.

Parameters are the elements of the weights that computing ops read, each once, however often it is shared or tied: floating
point, integers of at most eight bits, and wider ones where a quantized op reads them as a bias. None are: single numbers,
scales and zero points, the statistics of BatchNormalization, what only decides shapes, what a scatter writes upon. A table
of numbers that nobody learned (a mask, sines of positions) can't be told from one that somebody did, and counts.
Activations are what the ops that compute from the inputs' values write. The body of a Loop or Scan counts times its trip
count; where that is not constant it counts once, and the op is among the unknown. Of an If the costlier branch counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import onnx
from onnx import NodeProto, TensorProto

from reslint.anatomy.graph.operators import TABLE, Macs
from reslint.anatomy.graph.ops import FOREVER
from reslint.anatomy.metrics import macs as counting
from reslint.anatomy.metrics.dims import Extents
from reslint.anatomy.values import Cost
from reslint.net import Net, Op
from reslint.net.weights import integers

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
_NARROW = frozenset(
    kind
    for name, kind in TensorProto.DataType.items()
    if name.startswith(("FLOAT4", "FLOAT8", "INT4", "UINT4", "INT8", "UINT8", "INT2", "UINT2"))
)


def costs(net: Net, sizes: Mapping[str, int] | None = None) -> Cost:
    """What a net costs with the given sizes for its symbolic dimensions; those without one are taken as 1."""
    extents = Extents(net, sizes or {})
    total = _Total()
    made = _run(net, extents, total, 1)
    return Cost(parameters(net), made, total.bytes, tuple(sorted(total.unknown)), total.by_op)


def assumed(net: Net, sizes: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """The symbolic dimensions that `costs` takes as 1, `?` for extents that have no name."""
    extents = Extents(net, sizes or {})
    _run(net, extents, _Total(), 1)
    return tuple(sorted(extents.assumed))


def macs(net: Net, op: Op, sizes: Mapping[str, int] | None = None) -> int | None:
    """The multiply-accumulates of one op, bodies included; None where they can't be told."""
    total = _Total()
    made = _op(op, Extents(net, sizes or {}), total, 1)
    return made if not total.unknown else None


@dataclass(slots=True)
class _Total:
    by_op: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    bytes: int = 0


def _run(net: Net, extents: Extents, total: _Total, times: int) -> int:
    """Add up a net that runs `times` times; the MACs of all runs."""
    made = 0
    for op in net.live:
        made += _op(op, extents, total, times)
        for name in op.outputs:
            if name:
                total.bytes += times * _bytes(name, extents)
    return made


def _op(op: Op, extents: Extents, total: _Total, times: int) -> int:
    if op.bodies:
        found: int | None = _bodies(op, extents, total, times)
    else:
        found = counting.macs(op, extents)
        if found is None:
            total.unknown.add(op.kind)
        elif found:
            found *= times
    if found:
        total.by_op[op.id] = total.by_op.get(op.id, 0) + found
    return found or 0


def _bodies(op: Op, extents: Extents, total: _Total, times: int) -> int:
    trips = _trips(op, extents)
    if trips is None:
        total.unknown.add(op.kind)
        trips = 1
    return max(_run(body, extents.inside(body), total, times * trips) for body in op.bodies)


def _trips(op: Op, extents: Extents) -> int | None:
    """How often the bodies of a control-flow op run, None where the file does not say."""
    if op.kind == "If":
        return 1
    if op.kind == "Loop":
        bound = integers(extents.net, op.inputs[0]) if op.inputs[0] else None
        return bound[0] if bound and 0 <= bound[0] < FOREVER else None
    if op.kind == "Scan" and op.inputs:
        axes = op.integers("scan_input_axes") or (0,)
        scanned = extents.shape(op.inputs[len(op.inputs) - op.integer("num_scan_inputs", 1)])
        return scanned[axes[0]] if scanned and -len(scanned) <= axes[0] < len(scanned) else None
    return None


def _bytes(name: str, extents: Extents) -> int:
    value = extents.value(name)
    return 0 if value.shape is None else math.ceil(extents.elements(value.shape) * _width(value.type))


_TYPES = frozenset(TensorProto.DataType.values()) - {TensorProto.UNDEFINED}


@cache
def _width(kind: int) -> float:
    """The bytes of one element."""
    if kind == TensorProto.STRING or kind not in _TYPES:
        return 0
    text = TensorProto.DataType.Name(TensorProto.DataType.ValueType(kind))
    return (
        0.5
        if text.endswith("INT4") or text.startswith("FLOAT4")
        else onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
    )


def parameters(net: Net) -> int:
    """The number of weights that a net reads, bodies included."""
    seen: set[str] = set()
    return sum(_read(inner, op, seen) for inner in net.nets() for op in inner.live)


def _read(net: Net, op: Op, seen: set[str]) -> int:
    """The weights that an op is the first to read."""
    if seen.issuperset(op.fixed):
        return 0
    total = 0
    row = TABLE.get(op.kind)
    if row is not None and row.macs is Macs.PACKED and op.inputs[1] not in seen:
        seen.add(op.inputs[1])
        total += op.integer("K", 0) * op.integer("N", 0)
    waiting = _weights(op.kind, op.inputs)
    while waiting:
        name, whole = waiting.pop()
        name = net.canonical(name)
        constant = net.constants.get(name) or (net.outer or {}).get(name)
        if constant is None or name in seen:
            continue
        if isinstance(constant, NodeProto) and constant.op_type != "Constant":
            kind = f"{constant.domain}.{constant.op_type}" if constant.domain else constant.op_type
            waiting += [(i, whole or inner) for i, inner in _weights(kind, constant.input)]
            seen.add(name)
            continue
        tensor = _literal(constant) if isinstance(constant, NodeProto) else constant
        if tensor is not None and _is_weight(tensor.data_type, whole):
            seen.add(name)
            total += _elements(tensor)
    return total


def _weights(kind: str, inputs: Sequence[str]) -> list[tuple[str, bool]]:
    """The inputs that may hold weights, and whether wide integers count, too."""
    row = TABLE.get(kind)
    if row is None or row.parameters is None:
        return [(name, False) for name in inputs if name]
    return [(inputs[at], row.integers) for at in row.parameters if at < len(inputs) and inputs[at]]


def _elements(tensor: TensorProto) -> int:
    size = math.prod(tensor.dims)
    return size if size > 1 else 0


def _literal(node: NodeProto) -> TensorProto | None:
    return next((a.t for a in node.attribute if a.HasField("t")), None)


def _is_weight(kind: int, whole: bool) -> bool:
    return kind in _FLOATS or kind in _NARROW or whole and kind != TensorProto.BOOL
