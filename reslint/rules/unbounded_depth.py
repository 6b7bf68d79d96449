"""Loops in, findings out for those that put a stream through learned layers again and again, nobody knows how often."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.loops import is_bounded, is_deep, reads_sequence, route, scanned, states_of
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.net.weights import integers
from reslint.rules.rule import Draft, Settings, rule


@rule("unbounded-depth", "depth", Severity.WARNING, Confidence.LIKELY)
def unbounded_depth(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Learned layers repeat in a loop whose trip count has no static bound."""
    merges = {b.merge.id for b in anatomy.blocks}
    for net in anatomy.net.nets():
        for op in net.ops:
            states = states_of(op) if op.bodies else None
            if states is None or is_bounded(net, op, states):
                continue
            way = route(op, states)
            layers = sum(is_deep(op.bodies[0], o) for o in way)
            residual = sum(o.id in merges for o in way)
            if layers and (residual or not reads_sequence(op, states)):
                yield _draft(net, op, layers, residual)


def _draft(net: Net, op: Op, layers: int, residual: int) -> Draft:
    if op.type == "Scan":
        often = f"once for each element of {scanned(op)}, whose length is symbolic"
    elif op.inputs[0] and integers(net, op.inputs[0]) is None:
        often = f"as many times as {op.inputs[0]} says at run time"
    else:
        often = "as long as its condition holds"
    blocks = f" in {residual} residual block{'s' if residual > 1 else ''}" if residual else ""
    return Draft(
        op,
        net,
        message=f"{op.type} repeats {layers} learned layer{'s' if layers > 1 else ''}{blocks} {often}",
        help="give it a constant trip count, or unroll it to the depth that was trained",
        evidence={"layers": layers, "residual_blocks": residual},
    )
