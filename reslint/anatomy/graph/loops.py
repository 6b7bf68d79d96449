"""A Loop or Scan in; what it carries from step to step, what that passes, and how often it runs at most out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from onnx import TensorProto

from reslint.anatomy.graph.ops import FOREVER, is_layer
from reslint.net import Net, Op
from reslint.net.weights import integers

_WHOLE = frozenset({TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.INT8, TensorProto.UINT8})
_PICKING = frozenset({"Gather", "GatherND", "GatherElements", "Slice", "SequenceAt"})


@dataclass(frozen=True, slots=True)
class States:
    """The states that a loop carries: the names inside its body before and after a step, and the names outside."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    given: tuple[str, ...]
    counter: str
    goes_on: str


def states_of(op: Op) -> States | None:
    """What a Loop or a Scan carries, None for other ops."""
    if op.kind == "Loop" and len(op.bodies) == 1:
        body = op.bodies[0]
        counter, goes_on = next(iter(body.inputs), ""), next(iter(body.outputs), "")
        return _as_long(States(body.inputs[2:], body.outputs[1:], op.inputs[2:], counter, goes_on))
    if op.kind == "Scan" and len(op.bodies) == 1:
        body = op.bodies[0]
        many = len(op.inputs) - op.integer("num_scan_inputs", 1)
        return _as_long(States(body.inputs[:many], body.outputs[:many], op.inputs[:many], "", ""))
    return None


def _as_long(states: States) -> States:
    """The states that stand in all three places: a damaged file may leave some out."""
    many = min(len(states.before), len(states.after), len(states.given))
    return replace(states, before=states.before[:many], after=states.after[:many], given=states.given[:many])


def carried(body: Net) -> Iterator[tuple[str, str]]:
    """The states of a Loop's or a Scan's body, each before and after a step; none of a net that is no such body."""
    owner = body.owner
    if owner is not None and owner.op_type == "Loop":
        yield from zip(body.inputs[2:], body.outputs[1:], strict=False)
    elif owner is not None and owner.op_type == "Scan":
        scanned = next((a.i for a in owner.attribute if a.name == "num_scan_inputs"), 1)
        yield from zip(body.inputs[: len(owner.input) - scanned], body.outputs, strict=False)


def is_bounded(net: Net, op: Op, states: States) -> bool:
    """Whether the file says how often a loop runs at most: by a number, a static extent, or counting up to a constant."""
    if op.type == "Scan":
        shape, axes = net.shape(scanned(op)), op.integers("scan_input_axes") or (0,)
        return (
            not shape
            or not -len(shape) <= axes[0] < len(shape)
            or not isinstance(shape[axes[0]], str)
            or shape[axes[0]] not in net.symbols
        )
    most = at_most(net, op.inputs[0]) if op.inputs[0] else None
    return most is not None and most < FOREVER or _counts(net, op.bodies[0], states)


def scanned(op: Op) -> str:
    """The first tensor that a Scan goes along; empty where it names none."""
    many = op.integer("num_scan_inputs", 1)
    return op.inputs[len(op.inputs) - many] if 1 <= many <= len(op.inputs) else ""


def _counts(net: Net, body: Net, states: States) -> bool:
    """Whether a condition depends on the step's number, constants, and states that do so, too."""
    told = {s: k for k, s in enumerate(states.before)}
    fixed = {k for k, given in enumerate(states.given) if net.is_constant(given)}
    leaves = {name: _leaves(body, name) for name in (*states.after, states.goes_on)}

    def is_told(name: str) -> bool:
        return all(leaf == states.counter or told.get(leaf) in fixed for leaf in leaves[name])

    while any(not is_told(states.after[k]) for k in fixed):
        fixed = {k for k in fixed if is_told(states.after[k])}
    # a condition that is only handed on never ends the loop
    return is_told(states.goes_on) and bool(
        leaves[states.goes_on] & {states.counter, *(states.before[k] for k in fixed)}
    )


def _leaves(body: Net, name: str) -> frozenset[str]:
    """What a tensor of a body is computed from, constants apart."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = [body.canonical(name)]
    while todo:
        name = todo.pop()
        if name in seen or body.is_constant(name):
            continue
        seen.add(name)
        maker = body.producer.get(name)
        if maker is None:
            found.add(name)
        else:
            todo.extend(i for i in (*maker.inputs, *maker.captured) if i)
    return frozenset(found)


def route(op: Op, states: States) -> tuple[Op, ...]:
    """The ops of a body that lie on a way from floating-point states, through something learned, back into them."""
    import networkx as nx  # loops that call for it are rare, and it takes long to import

    body = op.bodies[0]
    streams = [k for k, name in enumerate(states.before) if body.value(name).type not in _WHOLE]
    reach, deep = _reach(body, {states.before[k]: 1 << k for k in streams})
    carried: nx.DiGraph[int] = nx.DiGraph()
    for k in streams:
        after = body.canonical(states.after[k])
        for j in streams:
            if reach.get(after, 0) >> j & 1:
                carried.add_edge(j, k, deep=bool(deep.get(after, 0) >> j & 1))
    for cycle in nx.strongly_connected_components(carried):
        if any(inside["deep"] for _, _, inside in carried.subgraph(cycle).edges(data=True)):
            mask = sum(1 << k for k in cycle)
            ahead = {o for o in body.ops if any(reach.get(i, 0) & mask for i in o.inputs)}
            behind = _behind(body, [body.canonical(states.after[k]) for k in cycle])
            return tuple(o for o in body.ops if o in ahead and o in behind)
    return ()


def _reach(body: Net, start: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Which states reach a tensor, as bits; and which do so through something learned."""
    reach, deep = dict(start), dict.fromkeys(start, 0)
    for op in body.ops:
        given = deeper = 0
        for name in (*op.inputs, *op.captured):
            given |= reach.get(name, 0)
            deeper |= deep.get(name, 0)
        for name in op.outputs if given else ():
            reach[name] = given
            deep[name] = given if is_deep(body, op) else deeper
    return reach, deep


def _behind(body: Net, names: list[str]) -> set[Op]:
    found: set[Op] = set()
    todo = [body.producer[n] for n in names if n in body.producer]
    while todo:
        op = todo.pop()
        if op not in found:
            found.add(op)
            todo.extend(body.producer[i] for i in (*op.inputs, *op.captured) if i in body.producer)
    return found


def is_deep(net: Net, op: Op) -> bool:
    """Whether an op is a learned layer, or holds one in its bodies."""
    return is_layer(net, op) or any(is_deep(body, inner) for body in op.bodies for inner in body.ops)


def reads_sequence(op: Op, states: States) -> bool:
    """Whether each step takes its own element of a sequence from outside, as recurrent cells do."""
    if op.type == "Scan":
        return True
    body = op.bodies[0]
    numbers = {states.counter: 1} | {n: 1 for n in states.before if body.value(n).type in _WHOLE}
    counted, _ = _reach(body, numbers)
    return any(
        o.type in _PICKING and not body.is_constant(o.inputs[0]) and any(i in counted for i in o.inputs[1:])
        for o in body.ops
    )


def at_most(net: Net, name: str) -> int | None:
    """The largest number that a scalar of shape arithmetic can be, None where the file sets no limit."""
    known = integers(net, name)
    if known is not None:
        return max(known, default=None)
    op = net.producer.get(net.canonical(name))
    if op is None:
        return None
    if op.type in ("Cast", "Squeeze", "Unsqueeze", "Reshape"):
        return at_most(net, op.inputs[0])
    if op.type == "Min":
        return min((most for i in op.inputs if (most := at_most(net, i)) is not None), default=None)
    if op.type == "Gather" and op.inputs[0] in net.producer and net.producer[op.inputs[0]].type == "Shape":
        shape, at = net.shape(net.producer[op.inputs[0]].inputs[0]), integers(net, op.inputs[1])
        if shape and at and len(at) == 1 and -len(shape) <= at[0] < len(shape):
            extent = shape[at[0]]
            return extent if isinstance(extent, int) else None
    return None
