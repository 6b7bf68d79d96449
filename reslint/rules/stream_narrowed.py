"""Anatomy in, merges behind which a stream goes on in a narrower type for good out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import TensorProto

from reslint.anatomy import Anatomy, Block, Kind
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_BITS: Mapping[int, int] = {TensorProto.FLOAT16: 11, TensorProto.BFLOAT16: 8, TensorProto.FLOAT8E4M3FN: 4}
"""Bits of the significand of the types that are narrower than float32, which has 24."""

_FEW = 2  # merges; where a stream is narrowed behind more of them, it is how the model computes


@rule("stream-narrowed", "norm", Severity.WARNING, Confidence.PROVEN)
def stream_narrowed(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A stream in float32 is narrowed once, between two blocks, and all that follows reads what is left."""
    forks = {(id(b.net), b.fork) for b in anatomy.blocks if b.kind is not Kind.DENSE}
    found = [(b, cast) for b in anatomy.blocks if (cast := _narrowed(b)) is not None and b.kind is not Kind.DENSE]
    if len(found) > _FEW:
        return
    for block, cast in found:
        if any((id(block.net), name) in forks for name in _goes_on(block.net, cast)):
            narrow = onnx.TensorProto.DataType.Name(cast.integer("to", 0)).lower()
            yield Draft(
                cast,
                block.net,
                f"the stream{called(block.merge)} is narrowed from float to {narrow} at {cast.id}, and all blocks behind it "
                "read what is left of it",
                f"keep the stream in float and cast inside the branches, which may compute in {narrow}",
                {"merge": block.end.id, "narrow": narrow, "significand_bits": [_BITS[cast.integer("to", 0)], 24]},
                related=(block.end,),
            )


def _narrowed(block: Block) -> Op | None:
    """The cast to a narrower type through which all of a block's sum in float32 goes, None without one."""
    if block.net.value(block.end.id).type not in (TensorProto.FLOAT, TensorProto.UNDEFINED):
        return None
    readers: Sequence[Op] = block.net.consumers.get(block.end.id, ())
    if len({op.id for op in readers}) != 1 or block.end.id in block.net.outputs:
        return None
    return readers[0] if readers[0].type == "Cast" and readers[0].integer("to", 0) in _BITS else None


def _goes_on(net: Net, cast: Op) -> Iterator[str]:
    """What is the stream behind a cast: its output, as it is and cast again."""
    yield cast.id
    yield from (op.id for op in net.consumers.get(cast.id, ()) if op.type == "Cast")
