"""A sum in, the verdict that it mixes a stream with its branch by a gate out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy.facts import LEARNED
from reslint.anatomy.flow import Flow
from reslint.anatomy.norms import CASTS, uncast
from reslint.anatomy.region import Atlas
from reslint.anatomy.route import routes
from reslint.anatomy.values import Kind, Role
from reslint.anatomy.verdict import Verdict
from reslint.net import Op
from reslint.net.weights import scalar


def gate(flow: Flow, atlas: Atlas, op: Op) -> Verdict | None:
    """The verdict on `g * u + (1 - g) * v`, also spelled `v + g * (u - v)`, where one of u and v is made of the other."""
    if len(op.inputs) != 2:
        return None
    for u, v in _mixed(flow, op):
        for side, other in ((u, v), (v, u)):
            for route in routes(flow, atlas, side, other):
                if route.region.has(LEARNED):
                    why = "a gate mixes the stream with the branch"
                    sides = (flow.index[op.inputs[0]], flow.index[op.inputs[1]])
                    whole = atlas.between(route.fork, flow.index[op.id]) or route.region
                    return Verdict(op, Kind.GATED, Role.OTHER, why, route.fork, sides, route.steps, whole)
    return None


def _mixed(flow: Flow, op: Op) -> Iterator[tuple[int, int]]:
    """What a gate mixes: u, v of `g * u + (1 - g) * v` and of `v + g * (u - v)`; the gate itself depends on data."""
    net = flow.net
    makers = [_maker(flow, i) for i in op.inputs]
    first, second = makers
    if not any(maker is not None and maker.type == "Mul" for maker in makers):
        return
    if first is not None and second is not None and first.type == second.type == "Mul":
        for u, g in (first.inputs, first.inputs[::-1]):
            for v, h in (second.inputs, second.inputs[::-1]):
                gates = net.is_data(g) and net.is_data(h) and u in flow.index and v in flow.index
                if gates and (_is_complement(flow, g, h) or _is_complement(flow, h, g)):
                    yield flow.index[u], flow.index[v]
    for v, maker in zip(op.inputs, reversed(makers), strict=True):
        if maker is None or maker.type != "Mul":
            continue
        for difference, g in (maker.inputs, maker.inputs[::-1]):
            minus = _maker(flow, difference)
            if (
                minus is not None
                and minus.type == "Sub"
                and uncast(net, minus.inputs[1])[0] == uncast(net, v)[0]
                and minus.inputs[0] in flow.index
                and net.is_data(g)
            ):
                yield flow.index[minus.inputs[0]], flow.index[v]


def _is_complement(flow: Flow, gate: str, other: str) -> bool:
    """Whether `other` is 1 - gate."""
    minus = _maker(flow, other)
    return (
        minus is not None
        and minus.type == "Sub"
        and uncast(flow.net, minus.inputs[1])[0] == uncast(flow.net, gate)[0]
        and scalar(flow.net, minus.inputs[0]) == 1
    )


def _maker(flow: Flow, name: str) -> Op | None:
    """What computed a tensor, casts aside."""
    producer = flow.net.producer
    op = producer.get(name)
    while op is not None and op.type in CASTS:
        op = producer.get(op.inputs[0])
    return op
