"""A model and names of its tensors in, the same model with their statistics as further outputs out.

The statistics are reductions inside the graph: whole tensors as outputs would fill the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from onnx import ModelProto, TensorProto, helper

from reslint.measure import Range
from reslint.net.values import Array

_PREFIX = "reslint."
_LEAST = f"{_PREFIX}least"  # keeps the division by a peak of zero
_KINDS = ("peak", "square")  # the square is relative to the peak, since 1e20 squared is no float32


def tapped(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy that gives the range of each tensor, and nothing else."""
    made = ModelProto()
    made.CopyFrom(model)
    del made.graph.output[:]
    made.graph.initializer.append(helper.make_tensor(_LEAST, TensorProto.FLOAT, [], [1e-37]))
    for at, name in enumerate(names):
        peak, square = _names(at)
        wide, size, scale, share, product = (
            f"{_PREFIX}{at}.{part}" for part in ("wide", "size", "scale", "share", "product")
        )
        made.graph.node.extend(
            (
                helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT),
                helper.make_node("Abs", [wide], [size]),
                helper.make_node("ReduceMax", [size], [peak], keepdims=0),
                helper.make_node("Max", [peak, _LEAST], [scale]),
                helper.make_node("Div", [wide, scale], [share]),
                helper.make_node("Mul", [share, share], [product]),
                helper.make_node("ReduceMean", [product], [square], keepdims=0),
            )
        )
        made.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, []) for n in (peak, square))
    return made


def shown(model: ModelProto, names: Sequence[str]) -> ModelProto:
    """A copy that gives these tensors whole, in this order, and nothing else."""
    made = ModelProto()
    made.CopyFrom(model)
    del made.graph.output[:]
    for at, name in enumerate(names):
        made.graph.node.append(helper.make_node("Cast", [name], [f"{_PREFIX}{at}"], to=TensorProto.FLOAT))
        made.graph.output.append(helper.make_tensor_value_info(f"{_PREFIX}{at}", TensorProto.FLOAT, None))
    return made


def ranges(outputs: Iterable[Mapping[str, Array]], names: Sequence[str]) -> Mapping[str, Range]:
    """The range of each tapped tensor over several runs."""
    outputs = tuple(outputs)
    return {name: _joined([_range(o, at) for o in outputs]) for at, name in enumerate(names)}


def _names(at: int) -> Iterator[str]:
    return (f"{_PREFIX}{at}.{kind}" for kind in _KINDS)


def _range(outputs: Mapping[str, Array], at: int) -> Range:
    peak, square = (float(outputs[name].reshape(-1)[0]) for name in _names(at))
    return Range(peak, square * peak * peak if peak else 0.0)


def _joined(found: Sequence[Range]) -> Range:
    """NaN counts as the largest: a maximum of Python's would lose it."""
    peak = max((r.peak for r in found), key=_order)
    return Range(peak, max((r.square for r in found), key=_order))


def _order(number: float) -> float:
    return math.inf if math.isnan(number) else number
