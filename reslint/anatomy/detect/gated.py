"""A sum in, the verdict that it mixes a stream with its branch by a gate out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reslint.anatomy.detect.region import Atlas
from reslint.anatomy.detect.shortcut_search import nearest
from reslint.anatomy.detect.verdict import Verdict
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.loops import carried
from reslint.anatomy.graph.norms import CASTS, uncast
from reslint.anatomy.graph.steps import Effect
from reslint.anatomy.graph.traits import LEARNED
from reslint.anatomy.values import Kind, Role
from reslint.net import Op
from reslint.net.weights import scalar


def gate(flow: Dataflow, atlas: Atlas, op: Op, sides: Sequence[int]) -> Verdict | None:
    """The verdict on `g * u + (1 - g) * v`, also spelled `v + g * (u - v)`, where one of u and v is made of the other.

    `sides` are the nodes that the op adds.
    """
    if len(op.inputs) != 2 or not any(_may_be_product(flow.ops[side]) for side in sides):
        return None
    for u, v in _mixed(flow, op):
        for stream, branch in ((u, v), (v, u)):
            route = nearest(flow, atlas, stream.node, branch.node)
            if route is not None and route.region.has(LEARNED):
                if _is_carried(flow, route.fork, op):
                    return Verdict(op, None, Role.CELL, "mixes the state of a recurrent cell with its next one")
                why = "a gate mixes the stream with the branch"
                whole = atlas.between(route.fork, flow.index[op.id]) or route.region
                added = (stream.added, branch.added)
                return Verdict(op, Kind.GATED, Role.OTHER, why, route.fork, added, route.steps, whole)
    return None


def _is_carried(flow: Dataflow, fork: int, op: Op) -> bool:
    """Whether what is made of a loop's state goes into the next step as that state: steps in time, and no depth."""
    states = {before: after for before, after in carried(flow.net) if flow.net.canonical(after) in flow.index}
    after = states.get(flow.names[_unlaid(flow, fork)]) if states else None
    return after is not None and _unlaid(flow, flow.index[flow.net.canonical(after)]) == flow.index[op.id]


def _unlaid(flow: Dataflow, node: int) -> int:
    """The node that a tensor only lays out anew, or adds a constant to."""
    step = flow.step_back(node)
    while step is not None and step.effect in (Effect.LAYOUT, Effect.BIAS):
        node = step.before
        step = flow.step_back(node)
    return node


class _Term(NamedTuple):
    """What a gate mixes, and the tensor by which it comes into the sum."""

    node: int
    added: int


def _may_be_product(op: Op | None) -> bool:
    """Whether an op is a product, or casts what may be one."""
    return op is not None and (op.type == "Mul" or op.type in CASTS)


def _mixed(flow: Dataflow, op: Op) -> Iterator[tuple[_Term, _Term]]:
    """What a gate mixes: u, v of `g * u + (1 - g) * v` and of `v + g * (u - v)`; the gate itself depends on data."""
    net = flow.net
    here, there = flow.index[op.inputs[0]], flow.index[op.inputs[1]]
    makers = first, second = _maker(flow, op.inputs[0]), _maker(flow, op.inputs[1])
    if first is not None and second is not None and first.type == second.type == "Mul":
        for u, g in (first.inputs, first.inputs[::-1]):
            for v, h in (second.inputs, second.inputs[::-1]):
                gates = net.is_data(g) and net.is_data(h) and u in flow.index and v in flow.index
                if gates and (_is_complement(flow, g, h) or _is_complement(flow, h, g)):
                    yield _Term(flow.index[u], here), _Term(flow.index[v], there)
    for v, product, maker in zip(op.inputs, (there, here), reversed(makers), strict=True):
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
                yield _Term(flow.index[minus.inputs[0]], product), _Term(flow.index[v], flow.index[v])


def _is_complement(flow: Dataflow, gate: str, other: str) -> bool:
    """Whether `other` is 1 - gate."""
    minus = _maker(flow, other)
    return (
        minus is not None
        and minus.type == "Sub"
        and uncast(flow.net, minus.inputs[1])[0] == uncast(flow.net, gate)[0]
        and scalar(flow.net, minus.inputs[0]) == 1
    )


def _maker(flow: Dataflow, name: str) -> Op | None:
    """What computed a tensor, casts aside."""
    producer = flow.net.producer
    op = producer.get(name)
    while op is not None and op.type in CASTS:
        op = producer.get(op.inputs[0])
    return op
