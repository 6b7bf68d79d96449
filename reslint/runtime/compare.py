"""Two arrays in, how far they are apart out; scale-aware: the largest difference over the largest reference value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from onnx import ModelProto

from reslint.measure import Difference
from reslint.net.values import Array

# Noise measured in float32 on a CPU: at most 1.2e-6 over nine nets, 1.9e-5 where 40 blocks without normalization amplify it.
_TOLERANCES: Mapping[str, float] = {"float64": 1e-10, "float32": 1e-4, "float16": 5e-3, "bfloat16": 4e-2}
_QUANTIZED = 2e-2  # one step of eight bits falls to either side
_WORD = "Quantize", "QLinear", "Integer", "NBits"


def tolerance(model: ModelProto) -> float:
    """The least that a model's own arithmetic allows for: that of rounding to eight bits where it does so."""
    return _QUANTIZED if any(w in n.op_type for n in model.graph.node for w in _WORD) else 0.0


def differences(
    got: Mapping[str, Array], wanted: Mapping[str, Array], least: float, rtol: float | None = None
) -> Iterator[Difference]:
    """How far each output that both have is from its reference."""
    for name in got:
        if name in wanted and got[name].dtype.kind not in "OUS":
            allowed = _TOLERANCES.get(str(wanted[name].dtype), 0.0) if rtol is None else rtol
            yield difference(
                name, got[name], wanted[name], max(allowed, least) if allowed and rtol is None else allowed
            )


def difference(name: str, got: Array, wanted: Array, allowed: float) -> Difference:
    """How far one array is from its reference; shapes that differ are infinitely far."""
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
        most / scale if scale else (0.0 if not most else None),
        allowed,
        tuple(int(i) for i in np.unravel_index(flat, a.shape)),
        float(a.reshape(-1)[flat]),
        float(b.reshape(-1)[flat]),
        product / size if size and math.isfinite(size) else None,
        10 * math.log10(power / noise) if noise and power and math.isfinite(noise + power) else None,
    )
