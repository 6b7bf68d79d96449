"""An anatomy and a way to measure ranges in, the signal along its streams out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.norms import NormRun
from reslint.measure import Exit, Signal, Squared, Tap
from reslint.net.weights import scalar
from reslint.runtime.model.taps import Measure, Pair, Taken
from reslint.runtime.probes.first_nonfinite import first_nonfinite
from reslint.runtime.probes.streams import Stream, is_float


def signal(anatomy: Anatomy, found: Sequence[Stream], measure: Measure, *, half: bool, made_up: bool = False) -> Signal:
    """Tap the residual merges, what normalizations square, and the outputs; look for the first NaN only if there is one."""
    net = anatomy.net
    squares = tuple(_squares(anatomy)) if half else ()
    outputs = tuple(name for name in net.outputs if is_float(net, net.canonical(name), unless_known=False))
    names = dict.fromkeys(name for s in found for name in (s.into, s.shortcut, s.branch, s.merged))
    names.update(dict.fromkeys((*(run.source for run in squares), *outputs)))
    taken = measure(tuple(names), tuple(_pairs(found))) if names else Taken({})
    ranges = taken.ranges
    bad = tuple(name for name in names if not ranges[name].finite)
    return Signal(
        anatomy,
        tuple(
            Tap(
                s.block,
                ranges[s.shortcut],
                ranges[s.branch],
                ranges[s.merged],
                taken.cosines.get((s.into, s.merged)),
            )
            for s in found
        ),
        tuple(Squared(net, run.op, ranges[run.source]) for run in squares),
        first_nonfinite(net, bad, measure) if bad else None,
        half,
        made_up,
        tuple(Exit(name, op, ranges[name]) for name in outputs if (op := net.producer.get(net.canonical(name)))),
    )


def _pairs(found: Sequence[Stream]) -> Iterator[Pair]:
    """What goes into each block with what comes out, where the two have one shape."""
    for s in found:
        net, names = s.block.net, (s.block.fork, *s.block.sides)
        shape = net.shape(names[0])
        if shape is not None and None not in shape and all(net.shape(name) == shape for name in names):
            yield s.into, s.merged


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
