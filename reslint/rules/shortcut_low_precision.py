"""Anatomy in, shortcuts that pass through a narrower type than their stream out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx
from onnx import TensorProto

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_BITS: Mapping[int, int] = {
    TensorProto.DOUBLE: 53,
    TensorProto.FLOAT: 24,
    TensorProto.FLOAT16: 11,
    TensorProto.BFLOAT16: 8,
    TensorProto.FLOAT8E4M3FN: 4,
    TensorProto.FLOAT8E5M2: 3,
}
"""Bits of the significand of each floating-point type."""


@rule("shortcut-low-precision", "shortcut", Severity.WARNING, Confidence.PROVEN)
def shortcut_low_precision(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The shortcut passes through a narrower type than the stream."""
    for block in anatomy.blocks:
        casts = [op for op in block.shortcut if op.type == "Cast"]
        if not casts:
            continue
        stream = min(_BITS.get(block.net.value(name).type, 0) for name in (block.fork, block.sides[0]))
        for op in casts:
            narrow = op.integer("to", 0)
            if 0 < _BITS.get(narrow, 0) < stream:
                kind, wide = (
                    onnx.TensorProto.DataType.Name(t).lower() for t in (narrow, block.net.value(block.sides[0]).type)
                )
                yield Draft(
                    block.merge,
                    block.net,
                    f"the shortcut{called(block.merge)} passes through {kind} at {op.id} while its stream is {wide}",
                    f"leave the shortcut in {wide}; cast inside the branch instead",
                    {"narrow": kind, "stream": wide, "cast": op.id, "significand_bits": [_BITS[narrow], stream]},
                )
                break
