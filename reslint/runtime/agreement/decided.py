"""Outputs that disagree because a decision fell otherwise: a comparison, a largest element, a rounding.

Where what a decision looks at agrees within the tolerance, it can only fall otherwise at a tie, and what follows says nothing
on the model. How many of all elements did is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from reslint.measure import Agreement, Difference
from reslint.net import Net, Op
from reslint.net.values import Array
from reslint.runtime.agreement.by_block import Side
from reslint.runtime.agreement.compare import Tolerances, difference
from reslint.runtime.launch.process import Limits, launch
from reslint.runtime.probes.streams import is_float
from reslint.runtime.protocol.job import Feed

_COMPARING = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_PICKING = frozenset({"ArgMax", "ArgMin", "Hardmax", "NonMaxSuppression", "TopK", "Unique"})
_ROUNDING = frozenset({"Ceil", "Floor", "Round", "Sign"})
_DECIDING = _COMPARING | _PICKING | _ROUNDING | {"Cast"}
_MOST = 0.25  # of the elements; more are no ties
_FEW = 2  # elements that may always be


def decided(
    agreement: Agreement, ours: Side, theirs: Side, feed: Feed, limits: Limits, allowed: Tolerances
) -> Agreement:
    """The agreement, in which outputs that ties decided agree. Both sides have the same names for the same tensors."""
    net = agreement.anatomy.net
    found = {d.output: tuple(_decisions(net, d.output)) for d in agreement.differences if not d.agrees}
    every = tuple(dict.fromkeys(op for ops in found.values() for op in ops))
    if not every:
        return agreement
    shares = dict(zip((op.id for op in every), _shares(every, ours, theirs, feed, limits, allowed), strict=False))
    differences = tuple(
        _judged(d, [shares.get(op.id) for op in found.get(d.output, ())]) for d in agreement.differences
    )
    return replace(agreement, differences=differences)


def _judged(d: Difference, shares: Sequence[float | None]) -> Difference:
    """A difference as the shares of its decisions say; None is one that ties do not explain."""
    known = [share for share in shares if share is not None]
    return replace(d, decided=max(known)) if known and len(known) == len(shares) and max(known) > 0 else d


def _decisions(net: Net, output: str) -> Iterator[Op]:
    """The decisions nearest to an output, on each way that leads to it."""
    todo, seen = [net.canonical(output)], set[str]()
    while todo:
        op = net.producer.get(todo.pop())
        if op is None or op.id in seen or op.id in net.static:
            continue
        seen.add(op.id)
        if _decides(net, op):
            yield op
        else:
            todo.extend(name for name in op.inputs if name)


def _decides(net: Net, op: Op) -> bool:
    if op.type not in _DECIDING or not any(is_float(net, name, unless_known=False) for name in op.inputs[:2] if name):
        return False
    return op.type != "Cast" or net.value(op.id).type not in (
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
        TensorProto.DOUBLE,
    )


def _shares(
    ops: Sequence[Op], ours: Side, theirs: Side, feed: Feed, limits: Limits, allowed: Tolerances
) -> Iterator[float | None]:
    """How many of each decision's elements fell otherwise; None where what it looks at differs, or it is no matter of ties."""
    read = tuple(dict.fromkeys(name for op in ops for name in op.inputs[:2] if name))
    made = tuple(name for op in ops for name in op.outputs[-1:] if name)
    names = tuple(dict.fromkeys((*read, *made)))
    answer = launch((ours.showing(names), theirs.showing(names)), ((feed,),), limits)
    if answer.error:
        return
    one, other = (dict(zip(names, ran[0].outputs[0].values(), strict=True)) for ran in answer.ran)
    for op in ops:
        same = all(difference(name, one[name], other[name], allowed).agrees for name in op.inputs[:2] if name)
        share = _share(op, one[op.outputs[-1]], other[op.outputs[-1]])
        few = share * max(one[op.outputs[-1]].size, 1) <= _FEW
        yield share if same and (few or share <= _MOST) else None


def _share(op: Op, got: Array, wanted: Array) -> float:
    """The share of elements that are not the same; of what is picked the order does not count."""
    if op.type in ("NonMaxSuppression", "Unique") or got.shape != wanted.shape:
        mine, theirs = ({tuple(row) for row in np.atleast_2d(a).tolist()} for a in (got, wanted))
        return 1 - len(mine & theirs) / max(len(mine), len(theirs), 1)
    if op.type == "TopK":
        got, wanted = np.sort(got, axis=-1), np.sort(wanted, axis=-1)
    return float(np.mean(got != wanted)) if got.size else 0.0
