"""Normalizations in, findings out for those that read nothing but the result of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.norms import NormRun
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Settings, rule

_KEEPING = frozenset({"Mul", "Div", "Add", "Sub", "Cast", "Dropout"})
_FAR = 6


@rule("double-normalization", "norm", Severity.NOTE, Confidence.LIKELY)
def double_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Two normalizations follow each other with nothing between them."""
    for flow in anatomy.flows:
        net, norms = flow.net, flow.norms
        # dividing rows and columns by their sums in turn is an algorithm (Sinkhorn), no slip
        pairs = [
            (first, run)
            for run in norms.values()
            if run.form != "L2" and (first := _before(net, norms, run)) is not None
        ]
        if pairs:
            first, second = pairs[0]
            more = f"; {len(pairs) - 1} more like it" if len(pairs) > 1 else ""
            yield Draft(
                second.op,
                net,
                f"{second.op.type} normalizes the output of {first.op.type} {first.op.id} a second time{more}",
                "remove one of the two: the second undoes the scale that the first has learned",
                {"first": first.op.id, "count": len(pairs)},
                related=tuple(run.op for _, run in pairs[1:]),
            )


def _before(net: Net, norms: Mapping[str, NormRun], run: NormRun) -> NormRun | None:
    """The normalization of the same form whose result, but for its own scale and shift, goes into this one and nowhere else."""
    name, readers = run.source, frozenset(run.ops)
    for _ in range(_FAR):
        if name in net.exits or any(op not in readers for op in net.consumers.get(name, ())):
            return None
        if name in norms:
            return norms[name] if norms[name].form == run.form else None
        op: Op | None = net.producer.get(name)
        if op is None or op.type not in _KEEPING or len(op.data) != 1:
            return None
        name, readers = op.data[0], frozenset({op})
    return None
