"""Operators that hold bodies: what comes out of an If, a Loop, a Scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reslint.anatomy.sizes.call import Call, Formula
from reslint.anatomy.sizes.extent import NOTHING, UNKNOWN, Extent, Tensor


def _same(one: Extent, other: Extent) -> Extent:
    """An extent that two tensors share, unknown where they differ."""
    if one is other:
        return one
    kept = np.where(np.equal(one, other), one, UNKNOWN)
    return float(kept) if kept.ndim == 0 else kept.reshape(-1)


def _either(one: Tensor, other: Tensor) -> Tensor:
    a, b = one.extents, other.extents
    if a is None or b is None or len(a) != len(b):
        return NOTHING
    return Tensor(tuple(_same(d, e) for d, e in zip(a, b, strict=True)))


def _if(call: Call) -> Sequence[Tensor]:
    """What both branches agree on; the branch that runs where the condition is known and always the same."""
    bodies = call.op.bodies
    if len(bodies) != 2:
        return ()
    names = [a.name for a in call.op.proto.attribute if a.HasField("g")]
    then, other = bodies if names[:1] == ["then_branch"] else bodies[::-1]
    test = call.listed(0)
    if test and isinstance(test[0], float) and test[0] == test[0]:
        return call.known.body(call.op, then if test[0] else other, (), judged=True)
    made = [call.known.body(call.op, body, ()) for body in (then, other)]
    if test and not isinstance(test[0], float):
        return _by_test(call, test[0], made[0], made[1])
    return [_either(a, b) for a, b in zip(*made, strict=True)]


def _by_test(call: Call, test: Extent, then: Sequence[Tensor], other: Sequence[Tensor]) -> Sequence[Tensor]:
    """At each assignment the branch that runs there. Where ranks differ, the rarer branch's assignments are given up."""
    if all(_alike(a, b) for a, b in zip(then, other, strict=True)):
        return [_chosen(test, a, b) for a, b in zip(then, other, strict=True)]
    picks = call.at(np.not_equal(test, 0))
    usual = 2 * np.count_nonzero(picks) >= picks.size
    call.known.loses(picks != usual)
    return then if usual else other


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.extents is not None and other.extents is not None and len(one.extents) == len(other.extents)


def _chosen(test: Extent, then: Tensor, other: Tensor) -> Tensor:
    pairs = zip(then.extents or (), other.extents or (), strict=True)
    picked = [np.where(np.isnan(test), UNKNOWN, np.where(np.equal(test, 0), e, d)) for d, e in pairs]
    return Tensor(tuple(p.reshape(-1) for p in picked))


def _loop(call: Call) -> Sequence[Tensor]:
    """What is carried keeps its shape from one turn to the next, or is unknown; what is collected has one entry a turn."""
    if len(call.op.bodies) != 1:
        return ()
    body, carried = call.op.bodies[0], len(call.op.inputs) - 2
    turns = call.listed(0) if call.has(0) else None
    state = [call.known.tensor(call.net, name)._replace(numbers=None) for name in call.op.inputs[2:]]
    once = [Tensor(()), Tensor(())]
    for judged in (False, True):
        made = call.known.body(call.op, body, [*once, *state], judged=judged)
        state = [_either(a, b) for a, b in zip(state, made[1 : 1 + carried], strict=False)]
    number = turns[0] if turns and not call.has(1) else UNKNOWN
    rows = [Tensor((number, *t.extents) if t.extents is not None else None) for t in made[1 + carried :]]
    return [*state, *rows]


def _scan(call: Call) -> Sequence[Tensor]:
    """The body sees one entry of each scanned input; what it gives is joined along a new axis."""
    count = call.op.integer("num_scan_inputs", 0)
    if len(call.op.bodies) != 1 or not count or call.version < 9:
        return ()
    carried = len(call.op.inputs) - count
    state = [call.known.tensor(call.net, name)._replace(numbers=None) for name in call.op.inputs[:carried]]
    axes = call.op.integers("scan_input_axes") or (0,) * count
    given: list[Tensor] = list(state)
    length: Extent = UNKNOWN
    for name, axis in zip(call.op.inputs[carried:], axes, strict=False):
        x = call.known.tensor(call.net, name).extents
        if not x:
            return ()
        axis %= len(x)
        length = x[axis]
        given.append(Tensor((*x[:axis], *x[axis + 1 :])))
    made = call.known.body(call.op, call.op.bodies[0], given, judged=True)
    places = call.op.integers("scan_output_axes") or (0,) * len(made)
    rows = [_joined(t, length, axis) for t, axis in zip(made[carried:], places, strict=False)]
    return [*(_either(a, b) for a, b in zip(state, made[:carried], strict=False)), *rows]


def _joined(tensor: Tensor, length: Extent, axis: int) -> Tensor:
    x = tensor.extents
    if x is None:
        return NOTHING
    axis = axis + len(x) + 1 if axis < 0 else axis
    return Tensor((*x[:axis], length, *x[axis:]))


BODIES: Mapping[str, Formula] = {"If": _if, "Loop": _loop, "Scan": _scan}
