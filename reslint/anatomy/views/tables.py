"""A net in, stored tables of positions that are added along the wrong axis out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import CONVS, RECURRENT, is_gathering, is_interaction, is_reduction
from reslint.anatomy.views.atoms import Atom, Axes, origin
from reslint.anatomy.views.axis_tracking import followed
from reslint.net import Net, Op, Shape
from reslint.net.weights import integers


class Spread(NamedTuple):
    """A sum that adds a stored table [rows, 1, width] to a stream [rows, tokens, width]."""

    op: Op
    table: str
    shape: Shape
    stream: Shape


def spread_tables(flow: Dataflow, net: Net) -> Iterator[Spread]:
    """The tables whose rows are dealt out to the first axis of a stream, where that is no time.

    A model that puts time first adds its positions in this way; what mixes positions behind the sum tells which axis they are.
    `net` is the flow's net, with all shapes that are known.
    """
    for op in flow.net.live:
        if op.type != "Add" or len(op.inputs) != 2 or len(op.data) != 1:
            continue
        table = next(i for i in op.inputs if i not in op.data)
        rows, stream = net.shape(table), net.shape(op.data[0])
        if rows is None or stream is None or len(rows) != 3 or len(stream) != 3:
            continue
        dealt = rows[0] != 1 and rows[1] == 1 and rows[2] == stream[2] and stream[1] != 1 and stream[2] != 1
        if dealt and stream[0] != 1 and not _is_time_first(net, op, stream):
            yield Spread(op, table, rows, stream)


def _is_time_first(net: Net, start: Op, shape: Shape) -> bool:
    """Whether what mixes positions behind a sum does so along the first axis, or nobody can tell along which."""
    axes: Axes = tuple([(Atom(k, d),) for k, d in enumerate(shape)])
    later = net.ops[start.place + 1 :]
    known = followed(net, later, {start.id: axes})
    mixers = [op for op in later if _mixes(net, op)]
    found = [axis for op in mixers if (axis := _mixed(net, op, known.get(op.inputs[0]))) >= 0]
    return 0 in found or bool(mixers) and 1 not in found


def _mixes(net: Net, op: Op) -> bool:
    shaped = op.type in RECURRENT or op.type in CONVS or op.type == "Softmax" or is_reduction(op)
    return shaped or is_gathering(op) or is_interaction(net, op)


def _mixed(net: Net, op: Op, axes: Axes | None) -> int:
    """The axis of the stream along which an op mixes positions, -1 where that is not known, or it mixes none."""
    if not axes:
        return -1
    if op.type in RECURRENT:
        return origin(axes[1 if op.integer("layout", 0) else 0])
    if op.type in CONVS:
        return origin(axes[-1])
    if op.type == "Softmax":
        return origin(axes[op.integer("axis", -1)])
    if is_reduction(op):
        given = op.integers("axes") or (integers(net, op.inputs[1]) if len(op.inputs) > 1 else None)
        return origin(axes[given[0]]) if given and len(given) == 1 and -len(axes) <= given[0] < len(axes) else -1
    return -1
