"""An anatomy and a way to measure ranges in, the signal along its streams out."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import TensorProto

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.norms import NormRun
from reslint.measure import Signal, Squared, Tap
from reslint.net import Net
from reslint.net.weights import scalar
from reslint.runtime.search import Measure, first_nonfinite

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})


def signal(anatomy: Anatomy, measure: Measure, *, half: bool) -> Signal:
    """Tap the residual merges, what normalizations square, and the outputs; look for the first NaN only if there is one."""
    net = anatomy.net
    blocks = tuple(_blocks(anatomy))
    squares = tuple(_squares(anatomy)) if half else ()
    outputs = tuple(name for name in net.outputs if _is_float(net, net.canonical(name)))
    names = dict.fromkeys(name for block in blocks for name in (*block.sides, block.merge.id))
    names.update(dict.fromkeys(run.source for run in squares))
    names.update(dict.fromkeys(outputs))
    found = measure(tuple(names)) if names else {}
    bad = tuple(name for name in names if not found[name].finite)
    return Signal(
        anatomy,
        tuple(Tap(b, found[b.sides[0]], found[b.sides[1]], found[b.merge.id]) for b in blocks),
        tuple(Squared(net, run.op, found[run.source]) for run in squares),
        first_nonfinite(net, bad, measure) if bad else None,
        half,
    )


def _blocks(anatomy: Anatomy) -> Iterator[Block]:
    """The blocks of the outermost net whose sides are floating point; bodies can't give outputs of their own."""
    for block in anatomy.blocks:
        names = (*block.sides, block.merge.id)
        if block.net is anatomy.net and block.kind is not Kind.DENSE and all(_is_float(block.net, n) for n in names):
            yield block


def _squares(anatomy: Anatomy) -> Iterator[NormRun]:
    """The decomposed normalizations that square."""
    flow = anatomy.flows[0]
    for run in flow.norms.values():
        if run.decomposed and any(
            op.type == "ReduceSumSquare"
            or op.type == "Pow"
            and scalar(flow.net, op.inputs[1]) == 2
            or op.type == "Mul"
            and op.inputs[0] == op.inputs[1]
            for op in run.ops
        ):
            yield run


def _is_float(net: Net, name: str) -> bool:
    return net.value(name).type in _FLOATS
