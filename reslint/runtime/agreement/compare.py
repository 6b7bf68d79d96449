"""Two arrays in, how far they are apart out; scale-aware: the largest difference over the largest reference value."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from onnx import ModelProto

from reslint.measure import Beyond, Difference
from reslint.net.values import Array
from reslint.runtime.model.runnable import is_half

# Noise measured in float32 on a CPU: at most 1.2e-6 over nine nets, 1.9e-5 where 40 blocks without normalization amplify it.
DEFAULTS: Mapping[str, float] = {
    "float64": 1e-10,
    "float32": 1e-4,
    "float16": 5e-3,
    "bfloat16": 4e-2,
    "quantized": 0.15,
}
"""By type the largest difference over the largest reference value.

Where steps of eight bits fall to either side the next layers multiply them: with and without fusions three detectors and
classifiers are 0.007 to 0.078 apart, at 30 to 45 dB, and a ResNet-18 of random weights 0.077.
"""

_EPS: Mapping[str, float] = {"float64": 2**-52, "float32": 2**-23, "float16": 2**-10}
_ROUNDINGS = 8  # of the number 1, as many as a kernel of a squashing op may be off

Wide = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
EIGHT_BITS = ("Quantize", "QLinear", "Integer", "NBits")
"""What the names of ops hold that compute in eight bits or less."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What differences are allowed: by type, or for each element where `rtol` or `atol` is given.

    `least` is a type that all are as coarse as, whatever theirs: quantized, where a model computes in eight bits.
    """

    by_type: Mapping[str, float] = field(default_factory=dict)
    rtol: float | None = None
    atol: float | None = None
    least: str = ""

    @property
    def elementwise(self) -> bool:
        """Whether each element is held to its own bound."""
        return self.rtol is not None or self.atol is not None

    def of(self, kind: str) -> float:
        """The tolerance of a type; what is not floating point must be equal."""
        if kind not in DEFAULTS:
            return 0.0
        known = {**DEFAULTS, **self.by_type}
        return max(known[kind], known.get(self.least, 0.0))

    def at_least(self, kind: str) -> Tolerances:
        """The same, as coarse as a type at least."""
        coarser = max((kind, self.least), key=lambda k: {**DEFAULTS, **self.by_type}.get(k, 0.0))
        return replace(self, least=coarser)


EXACT = Tolerances(dict.fromkeys(DEFAULTS, 0.0))
"""For two runs that must give the same bits."""


def coarseness(model: ModelProto) -> str:
    """The type that a model computes in where that is coarser than its outputs may say: quantized, half precision, or none."""
    if any(word in node.op_type for node in model.graph.node for word in EIGHT_BITS):
        return "quantized"
    return "float16" if is_half(model) else ""


def differences(
    got: Mapping[str, Array], wanted: Mapping[str, Array], tolerances: Tolerances, squashed: Collection[str] = ()
) -> Iterator[Difference]:
    """How far each output that both have is from its reference; the last bits of 1 count for nothing in `squashed` ones."""
    for name in got:
        if name in wanted and (_is_text(got[name]) or _is_text(wanted[name])):
            yield _of_strings(name, got[name], wanted[name])
        elif name in wanted:
            found = difference(name, got[name], wanted[name], tolerances)
            eps = _EPS.get(str(wanted[name].dtype), 0.0) if name in squashed and found.tolerance else 0.0
            yield replace(found, rounding=_ROUNDINGS * eps)


def difference(name: str, got: Array, wanted: Array, tolerances: Tolerances = EXACT) -> Difference:
    """How far one array is from its reference; shapes that differ are infinitely far."""
    allowed = max(
        tolerances.of(str(array.dtype)) for array in (got, wanted)
    )  # a reference may be saved in a wider type
    if got.shape != wanted.shape:
        return Difference(name, math.inf, math.inf, allowed, (), math.nan, math.nan, None, None)
    if not got.size:
        return Difference(name, 0.0, 0.0, allowed, (), 0.0, 0.0, None, None)
    a, b = got.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        apart = np.where(np.isnan(apart), np.inf, apart)
        flat = int(np.argmax(apart))
        most = float(apart.reshape(-1)[flat])
        scale = float(np.max(np.abs(b), where=np.isfinite(b), initial=0.0))
        noise, power, product = (float(np.sum(v)) for v in ((a - b) ** 2, b * b, a * b))
        size = math.sqrt(float(np.sum(a * a))) * math.sqrt(power) if math.isfinite(power) else math.nan
    return Difference(
        name,
        most,
        most / scale if scale else None,
        allowed,
        tuple(int(i) for i in np.unravel_index(flat, a.shape)),
        float(a.reshape(-1)[flat]),
        float(b.reshape(-1)[flat]),
        min(product / size, 1.0) if size and math.isfinite(size) else None,
        10 * math.log10(power / noise) if noise and power and math.isfinite(noise + power) else None,
        _beyond(apart, b, tolerances) if tolerances.elementwise else None,
    )


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "OUS"


def _of_strings(name: str, got: Array, wanted: Array) -> Difference:
    """Strings are equal or not."""
    if got.shape != wanted.shape:
        return difference(name, np.zeros(got.shape), np.zeros(wanted.shape))
    count = int(np.count_nonzero(got.astype(np.str_) != wanted.astype(np.str_)))
    share = count / max(1, got.size)
    return Difference(name, float(count), share, 0.0, (), math.nan, math.nan, None, None, strings=count)


def _beyond(apart: Wide, wanted: Wide, tolerances: Tolerances) -> Beyond:
    """How many elements are farther from their reference than the bounds on each allow."""
    rtol, atol = tolerances.rtol or 0.0, tolerances.atol or 0.0
    with np.errstate(invalid="ignore"):
        bound = atol + rtol * np.abs(np.where(np.isfinite(wanted), wanted, 0.0))
        count = int(np.count_nonzero(np.greater(apart, bound)))
    return Beyond(rtol, atol, count, apart.size)
