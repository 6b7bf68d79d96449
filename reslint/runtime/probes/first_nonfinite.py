"""A net that gives NaN or infinity in, the op that makes the first one out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import TensorProto

from reslint.measure import Nonfinite
from reslint.net import Net, Op
from reslint.net.weights import array
from reslint.runtime.model.taps import Measure

_AT_ONCE = 64  # tensors; each costs a few reductions
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, 0})
_MASKS = frozenset({"Where", "Add", "Sub", "Mul", "Concat", "Expand", "Slice", "Unsqueeze", "Reshape", "Trilu", "Cast"})


def first_nonfinite(net: Net, bad: Sequence[str], measure: Measure) -> Nonfinite | None:
    """The first op, in the order of the graph, that lies before a bad tensor and makes what is not finite.

    Infinity is an attention mask's way to say no: an op that only carries one is passed over unless it leads to NaN.
    """
    before = tuple(_before(net, bad))
    masked: Nonfinite | None = None
    for at in range(0, len(before), _AT_ONCE):
        ops = [op for op in before[at : at + _AT_ONCE] if net.value(op.id).type in _FLOATS]
        found = measure([op.id for op in ops]).ranges if ops else {}
        for op in ops:
            if found[op.id].finite:
                continue
            nan = not np.isinf(found[op.id].peak)
            here = Nonfinite(net, op, "NaN" if nan else "infinity", _constant(net, op), bad[0])
            if nan or op.type not in _MASKS:
                return here
            masked = masked or here
    return masked


def _before(net: Net, names: Sequence[str]) -> Iterator[Op]:
    """The ops of which tensors are made, in order."""
    wanted = {net.canonical(n) for n in names}
    found = []
    for op in reversed(net.ops):
        if not wanted.isdisjoint(op.outputs):
            wanted.update((*op.inputs, *op.captured))
            found.append(op)
    static = net.static
    return (op for op in reversed(found) if op.id not in static)


def _constant(net: Net, op: Op) -> str:
    """The constant of an op that is not finite itself."""
    for name in op.inputs:
        held = array(net, name, 1 << 26) if name and net.is_constant(name) else None
        if held is not None and held.dtype.kind == "f" and not bool(np.all(np.isfinite(held))):
            return name
    return ""
