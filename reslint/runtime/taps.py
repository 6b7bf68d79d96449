"""A model and names of its tensors in, the same model with their statistics as further outputs out.

The statistics are reductions inside the graph: whole tensors as outputs would fill the memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from onnx import ModelProto, NodeProto, TensorProto, helper

from reslint.measure import Range
from reslint.net.values import Array

PREFIX = "reslint."
"""What the names of all tensors begin with that are added to a model."""

_LEAST = f"{PREFIX}least"  # keeps the division by a peak of zero
_LOST = f"{PREFIX}lost"  # below half of half precision's least number all is rounded to zero
_ZERO = f"{PREFIX}zero"
_KINDS = ("peak", "square", "mean")  # relative to the peak but for the first, since 1e20 squared is no float32
_NOISE = 1e-5
_HALF_KINDS = ("small", "none")

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Taken:
    """What taps gave: the ranges of tensors, and the cosines of pairs of them."""

    ranges: Mapping[str, Range]
    cosines: Mapping[Pair, float] = field(default_factory=dict)


class Measure(Protocol):
    """How to get statistics of tensors, over all that a model is fed."""

    def __call__(self, names: Sequence[str], pairs: Sequence[Pair] = ()) -> Taken: ...


@dataclass(frozen=True, slots=True)
class Taps:
    """Tensors to measure, the pairs of which the cosine is wanted, and whether to count what half precision loses."""

    names: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    half: bool = False

    def onto(self, model: ModelProto) -> ModelProto:
        """A copy of a model that gives the statistics, and nothing else."""
        made = bare(model)
        for name, value in ((_LEAST, 1e-37), (_LOST, 2.0**-25), (_ZERO, 1e-38)):
            made.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        for at, name in enumerate(self.names):
            made.graph.node.extend(_statistics(at, name))
            if self.half:
                made.graph.node.extend(_losses(at))
        place = {name: at for at, name in enumerate(self.names)}
        for at, (one, other) in enumerate(self.pairs):
            shares = [f"{PREFIX}{place[name]}.share" for name in (one, other)]
            made.graph.node.append(helper.make_node("Mul", shares, [f"{PREFIX}{at}.both"]))
            made.graph.node.append(helper.make_node("ReduceMean", [f"{PREFIX}{at}.both"], [_dot(at)], keepdims=0))
        made.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, []) for n in self._outputs())
        for at, name in enumerate(self.names):
            made.graph.node.append(helper.make_node("Shape", [name], [_shape(at)]))
            made.graph.output.append(helper.make_tensor_value_info(_shape(at), TensorProto.INT64, [None]))
        return made

    def read(self, outputs: Iterable[Mapping[str, Array]]) -> Taken:
        """What several runs gave, together."""
        given = tuple(outputs)
        numbers = tuple(self._outputs())
        runs = tuple({name: float(run[name].reshape(-1)[0]) for name in numbers} for run in given)
        ranges = {
            name: replace(_joined([self._range(run, at) for run in runs]), shape=tuple(given[0][_shape(at)].tolist()))
            for at, name in enumerate(self.names)
        }
        cosines = {pair: self._cosine(runs, at, pair) for at, pair in enumerate(self.pairs)}
        return Taken(ranges, cosines)

    def _outputs(self) -> Iterator[str]:
        for at in range(len(self.names)):
            yield from (f"{PREFIX}{at}.{kind}" for kind in (*_KINDS, *(_HALF_KINDS if self.half else ())))
        yield from (_dot(at) for at in range(len(self.pairs)))

    def _range(self, run: Mapping[str, float], at: int) -> Range:
        peak, square, mean = (run[f"{PREFIX}{at}.{kind}"] for kind in _KINDS)
        small, none = (run[f"{PREFIX}{at}.{kind}"] for kind in _HALF_KINDS) if self.half else (0.0, 0.0)
        lost = (small - none) / (1 - none) if none < 1 else 0.0
        return Range(peak, square * peak * peak if peak else 0.0, mean * peak if peak else 0.0, lost)

    def _cosine(self, runs: Sequence[Mapping[str, float]], at: int, pair: Pair) -> float:
        """The mean over runs of the cosine of two tensors; NaN where one of them is zero."""
        found = []
        for run in runs:
            squares = [run[f"{PREFIX}{self.names.index(name)}.square"] for name in pair]
            size = math.sqrt(max(squares[0], 0.0) * max(squares[1], 0.0))
            found.append(max(-1.0, min(1.0, run[_dot(at)] / size)) if size > 0 else math.nan)
        return sum(found) / len(found)


def shown(model: ModelProto, names: Sequence[str]) -> ModelProto:
    """A copy that gives these tensors whole, in this order, and nothing else."""
    made = bare(model)
    for at, name in enumerate(names):
        made.graph.node.append(helper.make_node("Cast", [name], [f"{PREFIX}{at}"], to=TensorProto.FLOAT))
        made.graph.output.append(helper.make_tensor_value_info(f"{PREFIX}{at}", TensorProto.FLOAT, None))
    return made


def bare(model: ModelProto) -> ModelProto:
    """A copy without outputs, to be given others and constants: before version 4 each of these had to be an input."""
    made = ModelProto()
    made.CopyFrom(model)
    made.ir_version = max(made.ir_version, 4)
    del made.graph.output[:]
    return made


def _statistics(at: int, name: str) -> tuple[NodeProto, ...]:
    parts = ("wide", "size", "scale", "share", "product", *_KINDS)
    wide, size, scale, share, product, peak, square, mean = (f"{PREFIX}{at}.{part}" for part in parts)
    return (
        helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT),
        helper.make_node("Abs", [wide], [size]),
        helper.make_node("ReduceMax", [size], [peak], keepdims=0),
        helper.make_node("Max", [peak, _LEAST], [scale]),
        helper.make_node("Div", [wide, scale], [share]),
        helper.make_node("Mul", [share, share], [product]),
        helper.make_node("ReduceMean", [product], [square], keepdims=0),
        helper.make_node("ReduceMean", [share], [mean], keepdims=0),
    )


def _losses(at: int) -> Iterator[NodeProto]:
    """The shares of a tensor's elements that half precision takes for zero, and that are zero anyway."""
    for kind, limit in zip(_HALF_KINDS, (_LOST, _ZERO), strict=True):
        whether, number = f"{PREFIX}{at}.{kind}.whether", f"{PREFIX}{at}.{kind}.number"
        yield helper.make_node("Less", [f"{PREFIX}{at}.size", limit], [whether])
        yield helper.make_node("Cast", [whether], [number], to=TensorProto.FLOAT)
        yield helper.make_node("ReduceMean", [number], [f"{PREFIX}{at}.{kind}"], keepdims=0)


def _shape(at: int) -> str:
    return f"{PREFIX}{at}.shape"


def _dot(at: int) -> str:
    return f"{PREFIX}{at}.dot"


def _joined(found: Sequence[Range]) -> Range:
    """What is farthest from zero; NaN counts as the largest: a maximum of Python's would lose it."""
    peak = max((r.peak for r in found), key=_order)
    widest = max(found, key=lambda r: _order(r.square))
    steady = all(_same(r, found[0]) for r in found) if len(found) > 1 else None
    return Range(peak, widest.square, widest.mean, max(r.lost for r in found), steady=steady)


def _same(one: Range, other: Range) -> bool:
    """Whether two tensors have the same statistics, up to rounding over other numbers of elements."""
    pairs = ((one.peak, other.peak), (one.square, other.square), (one.mean, other.mean))
    return all(math.isclose(a, b, rel_tol=_NOISE, abs_tol=_NOISE * one.peak) for a, b in pairs)


def _order(number: float) -> float:
    return math.inf if math.isnan(number) else number
