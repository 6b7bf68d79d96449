"""The ops to keep in float32 in, what a person reads out, and the lists that converters take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import inf

from reslint.measure import Kept
from reslint.report.common.plain import counted, plain

_APPLY = (
    "onnxruntime.transformers.onnx_model.OnnxModel(model).convert_float_to_float16(op_block_list=, node_block_list=)"
)
_MOST = 24  # ops; --verbose shows all


def told(kept: Kept, verbose: bool) -> Iterator[str]:
    """What is to be kept, and what that brings."""
    applied = "" if kept.applied is None else f", {decibels(kept.applied)} when applied"
    yield (
        f"  {counted(len(kept.ops), 'op')} of {kept.of} to keep in float32 for {kept.wanted:g} dB in {kept.type}: "
        f"{decibels(kept.before)} without, {decibels(kept.after)} with them{applied}"
    )
    over = {op.id for op in kept.overflowing}
    shown = kept.ops if verbose else kept.ops[:_MOST]
    for op in shown:
        yield f"    {plain(op.kind)}  {plain(op.name or op.id)}{'  overflows' if op.id in over else ''}"
    if len(shown) < len(kept.ops):
        yield f"    ... {len(kept.ops) - len(shown)} more; --verbose shows all"
    if kept.nameless:
        yield f"    all ops of {', '.join(kept.nameless)} are kept, since some of them have no unique name"
    if kept.cut_short:
        yield "    the search was cut short; allow more time with --timeout"


def decibels(value: float) -> str:
    """A ratio; what is not finite any more has none."""
    return "not finite" if value == -inf else "exact" if value == inf else f"{value:.0f} dB"


def lists(path: str, kept: Kept) -> str:
    """ONNX Runtime's, AutoCast's and TensorRT's lists as JSON."""
    names = [op.name for op in kept.ops if op.type not in kept.nameless]
    values = {
        "schema": "reslint.keep-float32/1",
        "model": path,
        "type": kept.type,
        "snr_db": {
            "wanted": kept.wanted,
            "before": _number(kept.before),
            "after": _number(kept.after),
            "applied": None if kept.applied is None else _number(kept.applied),
        },
        "ops": [{"node": op.name or op.id, "tensor": op.id, "op": op.kind} for op in kept.ops],
        "onnxruntime": {"apply": _APPLY, "op_block_list": [*kept.blocked, *kept.nameless], "node_block_list": names},
        "autocast": {
            "nodes_to_exclude": [f"^{re.escape(name)}$" for name in names],
            "op_types_to_exclude": list(kept.nameless),
        },
        "tensorrt": {"precisionConstraints": "obey", "layerPrecisions": [f"{name}:fp32" for name in names]},
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _number(value: float) -> float | str:
    return value if abs(value) < inf else str(value)
