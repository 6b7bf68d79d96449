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
_KINDS = ("most", "least", "square", "mean")  # of the plain statistics
_FAR_KINDS = ("peak", "square", "mean")  # the latter two relative to the peak, since 1e20 squared is no float32
_PLAIN = (1e-15, 1e15)  # magnitudes whose squares float32 can hold, and sum up
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
    """Tensors to measure, the pairs of which the cosine is wanted, and whether to count what half precision loses.

    With `far` the squares are relative to the largest magnitude: right for all numbers, and several times slower.
    """

    names: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    half: bool = False
    far: bool = False

    def onto(self, model: ModelProto) -> ModelProto:
        """A copy of a model that gives the statistics, and nothing else."""
        made = bare(model)
        for name, value in ((_LEAST, 1e-37), (_LOST, 2.0**-25), (_ZERO, 1e-38)):
            made.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        for at, name in enumerate(self.names):
            made.graph.node.append(helper.make_node("Cast", [name], [f"{PREFIX}{at}.wide"], to=TensorProto.FLOAT))
            if self.half or self.far:
                made.graph.node.append(helper.make_node("Abs", [f"{PREFIX}{at}.wide"], [f"{PREFIX}{at}.size"]))
            made.graph.node.extend(_relative(at) if self.far else _plain(at))
            if self.half:
                made.graph.node.extend(_losses(at))
        place = {name: at for at, name in enumerate(self.names)}
        for at, (one, other) in enumerate(self.pairs):
            part = "share" if self.far else "wide"
            shares = [f"{PREFIX}{place[name]}.{part}" for name in (one, other)]
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
        shapes = [[tuple(int(extent) for extent in run[_shape(at)]) for at in range(len(self.names))] for run in given]
        ranges = {
            name: replace(
                _joined([self._range(run, at, of[at]) for run, of in zip(runs, shapes, strict=True)]),
                shape=shapes[0][at],
            )
            for at, name in enumerate(self.names)
        }
        places = {name: at for at, name in enumerate(self.names)}
        cosines = {}
        for at, pair in enumerate(self.pairs):
            elements = [math.prod(of[places[pair[0]]]) for of in shapes]
            cosines[pair] = self._cosine(runs, elements, at, [places[name] for name in pair])
        return Taken(ranges, cosines)

    def _outputs(self) -> Iterator[str]:
        for at in range(len(self.names)):
            kinds = _FAR_KINDS if self.far else _KINDS
            yield from (f"{PREFIX}{at}.{kind}" for kind in (*kinds, *(_HALF_KINDS if self.half else ())))
        yield from (_dot(at) for at in range(len(self.pairs)))

    def _range(self, run: Mapping[str, float], at: int, shape: Sequence[int]) -> Range:
        if not math.prod(shape):
            return Range(0.0, 0.0)  # of no elements the largest is minus infinity
        small, none = (run[f"{PREFIX}{at}.{kind}"] for kind in _HALF_KINDS) if self.half else (0.0, 0.0)
        lost = (small - none) / (1 - none) if none < 1 else 0.0
        if self.far:
            peak, square, mean = (run[f"{PREFIX}{at}.{kind}"] for kind in _FAR_KINDS)
            return Range(peak, square * peak * peak if peak else 0.0, mean * peak if peak else 0.0, lost)
        most, least, square, mean = (run[f"{PREFIX}{at}.{kind}"] for kind in _KINDS)
        return Range(max(abs(most), abs(least)), square / max(math.prod(shape), 1), mean, lost)

    def _cosine(
        self, runs: Sequence[Mapping[str, float]], elements: Sequence[int], at: int, places: Sequence[int]
    ) -> float:
        """The mean over runs of the cosine of two tensors; NaN where one of them is zero, or not finite."""
        found = []
        for run, many in zip(runs, elements, strict=True):
            one, other = (max(run[f"{PREFIX}{place}.square"], 0.0) for place in places)
            size = math.sqrt(one) * math.sqrt(other) / (1 if self.far else many)
            known = size > 0 and math.isfinite(size) and math.isfinite(run[_dot(at)])
            found.append(max(-1.0, min(1.0, run[_dot(at)] / size)) if known else math.nan)
        return sum(found) / len(found)


def doubtful(taken: Taken) -> bool:
    """Whether plain statistics met magnitudes whose squares float32 can't hold."""
    least, most = _PLAIN
    return any(math.isfinite(r.peak) and (r.peak > most or 0 < r.peak < least) for r in taken.ranges.values())


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


def _plain(at: int) -> Iterator[NodeProto]:
    """Four reductions, each of one pass over the tensor."""
    for op, kind in zip(("ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceMean"), _KINDS, strict=True):
        yield helper.make_node(op, [f"{PREFIX}{at}.wide"], [f"{PREFIX}{at}.{kind}"], keepdims=0)


def _relative(at: int) -> tuple[NodeProto, ...]:
    parts = ("wide", "size", "scale", "share", "product", *_FAR_KINDS)
    wide, size, scale, share, product, peak, square, mean = (f"{PREFIX}{at}.{part}" for part in parts)
    return (
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
