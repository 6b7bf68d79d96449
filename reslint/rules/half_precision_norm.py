"""Normalizations in, a finding out where one is spelled out as a square and a mean of half-precision numbers."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import TensorProto

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.norms import NormRun
from reslint.finding import Confidence, Severity
from reslint.net import Net
from reslint.net.weights import scalar
from reslint.rules.rule import Draft, Settings, rule

_LARGEST = 255.9  # the square of more than this is infinity in half precision


@rule("half-precision-norm", "norm", Severity.WARNING, Confidence.PROVEN)
def half_precision_norm(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A normalization is decomposed into a half-precision square and mean."""
    for flow in anatomy.flows:
        net = flow.net
        ops = [run.op for run in flow.norms.values() if run.decomposed and _squares_half(net, run)]
        if ops:
            yield Draft(
                ops[0],
                net,
                f"{len(ops)} normalization{'s' if len(ops) > 1 else ''} square{'' if len(ops) > 1 else 's'} "
                f"half-precision numbers: every value above {_LARGEST} becomes infinity",
                "cast to float32 before the square, or use the fused LayerNormalization or RMSNormalization",
                {"count": len(ops), "largest": _LARGEST},
                related=tuple(ops[1:]),
            )


def _squares_half(net: Net, run: NormRun) -> bool:
    squares = {
        op.id
        for op in run.ops
        if op.type == "Pow" and scalar(net, op.inputs[1]) == 2 or op.type == "Mul" and op.inputs[0] == op.inputs[1]
    }
    means = [op for op in run.ops if op.type in ("ReduceMean", "ReduceSum", "ReduceSumSquare")]
    return any(
        (op.inputs[0] in squares or op.type == "ReduceSumSquare")
        and net.value(op.inputs[0]).type == TensorProto.FLOAT16
        for op in means
    )
