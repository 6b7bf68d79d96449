"""An op that behaves as in training in, the edit that makes it infer out, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from onnx import NodeProto, helper

from reslint.net import Net, Op
from reslint.net.edit import Edit
from reslint.net.values import opset
from reslint.net.weights import array, scalar

_SWITCH = 14  # the opset from which BatchNormalization has training_mode; before 7 it has is_test
_CLOSE = 1e-3
_KEEPING = frozenset({"Cast", "CastLike", "Reshape", "Unsqueeze", "Squeeze", "Expand", "Identity"})


def normalized(net: Net, op: Op) -> Iterator[Edit]:
    """A BatchNormalization that uses its running statistics, where it has gathered any."""
    why = _no_statistics(net, op) or next(
        (f"{name}, a batch statistic, is used elsewhere" for name in op.outputs[1:] if name and _is_read(net, name)),
        "",
    )
    if why:
        yield Edit(op.proto, refused=why)
        return
    node = _copy(op)
    kept = [a for a in op.proto.attribute if a.name not in ("training_mode", "is_test")]
    del node.attribute[:], node.output[1:]
    node.attribute.extend(kept)
    if opset(net) < 7:
        node.attribute.append(helper.make_attribute("is_test", 1))
    yield Edit(op.proto, node)


def _no_statistics(net: Net, op: Op) -> str:
    mean, variance = op.inputs[3:5]
    if not net.is_constant(mean) or not net.is_constant(variance):
        return "its statistics are computed from the batch, and the file holds no running statistics"
    gathered = array(net, mean), array(net, variance)
    if gathered[0] is None or gathered[1] is None:
        return "its running statistics can't be read, so they may be those of an untrained model"
    if not np.any(gathered[0]) and np.all(gathered[1] == 1):
        return "its running statistics are the initial ones (0 and 1): it has never been trained"
    return ""


def dropless(net: Net, op: Op) -> Iterator[Edit]:
    """A Dropout without its switch: the default is not to drop."""
    node = _copy(op)
    del node.input[2:]
    yield Edit(op.proto, node)


def unmasked(net: Net, op: Op) -> Iterator[Edit]:
    """What leaves out a random mask, where its mean, with the constant factors around it, is 1."""
    chain: list[Op] = [op]
    mean = _drawn(net, op)
    while mean is not None:
        after = net.consumers.get(chain[-1].id, ())
        if len(after) != 1:
            break
        applied = _applied(net, after[0], chain[-1].id)
        if applied:
            yield from _left_out(net, after[0], applied, chain, mean)
            return
        mean = _after(net, after[0], mean)
        chain.append(after[0])
    yield Edit(op.proto, refused="what it draws is not known to average to 1")


Drawn = tuple[float, float]
"""What is drawn: uniform numbers between the first and the second, or, where both are one number, a mask of that mean."""


def _drawn(net: Net, op: Op) -> Drawn | None:
    if op.type.startswith("RandomUniform"):
        return op.number("low", 0.0), op.number("high", 1.0)
    mean = scalar(net, op.inputs[0]) if net.is_constant(op.inputs[0]) else None
    return None if mean is None else (mean, mean)


def _after(net: Net, op: Op, drawn: Drawn) -> Drawn | None:
    """What becomes of drawn numbers in an op."""
    low, high = drawn
    if op.type in _KEEPING:
        return drawn
    if op.type == "Floor" and math.isclose(high - low, 1):
        return low, low
    if op.type == "Not" and low == high:
        return 1 - low, 1 - low
    first = net.is_constant(op.inputs[0])
    number = scalar(net, op.inputs[0 if first else 1]) if len(op.inputs) == 2 else None
    if number is None:
        return None
    if op.type in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual") and low < high:
        share = min(max((number - low) / (high - low), 0.0), 1.0)
        below = op.type.startswith("Less") is not first
        return (share, share) if below else (1 - share, 1 - share)
    if op.type == "Add":
        return low + number, high + number
    return _scaled(op, drawn, number, first)


def _scaled(op: Op, drawn: Drawn, number: float, first: bool) -> Drawn | None:
    if op.type == "Mul" or op.type == "Div" and not first and number:
        factor = number if op.type == "Mul" else 1 / number
        return drawn[0] * factor, drawn[1] * factor
    return None


def _applied(net: Net, op: Op, mask: str) -> str:
    """The tensor that an op multiplies with a mask; empty where it does something else."""
    others = [i for i in op.inputs if i != mask]
    data = [i for i in others if net.is_data(i)]
    if op.type == "Mul" and len(others) == len(data) == 1:
        return data[0]
    if op.type == "Where" and op.inputs[0] == mask and len(data) == 1 and scalar(net, op.inputs[2]) == 0:
        return data[0]
    return ""


def _left_out(net: Net, op: Op, data: str, chain: list[Op], mean: Drawn) -> Iterator[Edit]:
    """The edits, where constant factors before or behind the product make up for the mask's mean."""
    if mean[0] != mean[1]:
        yield Edit(chain[0].proto, refused="what it draws is not a mask")
        return
    before, behind = net.producer.get(data), net.consumers.get(op.id, ())
    ways: list[tuple[float, Op, str]] = [(1.0, op, data)]
    if before is not None and (factor := _factor(net, before)) is not None:
        ways.append((factor, op, before.data[0]))
    if len(behind) == 1 and op.id not in net.exits and (factor := _factor(net, behind[0])) is not None:
        ways.append((factor, behind[0], data))
    for factor, end, source in ways:
        if abs(factor * mean[0] - 1) <= _CLOSE:
            node = NodeProto(op_type="Identity", name=end.name, input=[source], output=[end.id])
            yield Edit(end.proto, node)
            around = (op, *((before,) if before is not None and source != data else ()), *reversed(chain))
            yield from (Edit(gone.proto) for gone in _idle(net, end, source, around))
            return
    yield Edit(chain[0].proto, refused=f"its mean is {mean[0]:g}, and nothing around it compensates for that")


def _factor(net: Net, op: Op) -> float | None:
    """What an op multiplies one tensor with, where it does no more than that."""
    if op.type not in ("Mul", "Div") or len(op.data) != 1:
        return None
    at = 0 if net.is_data(op.inputs[1]) else 1
    number = scalar(net, op.inputs[at])
    if not number or op.type == "Div" and at == 0:
        return None
    return number if op.type == "Mul" else 1 / number


def _idle(net: Net, end: Op, source: str, ops: Iterable[Op]) -> Iterator[Op]:
    """The ops that nothing reads any more once `end` reads `source` only, the last ones first."""
    readers = _readers(net)
    gone = {end.id}
    for op in ops:
        if op.id not in gone and all(set(readers.get(o, ())) <= gone for o in op.outputs if o and o != source):
            gone.add(op.id)
            yield op


def _readers(net: Net) -> Mapping[str, list[str]]:
    """Who reads a tensor as the file has it: ops by their first output, and the net's own outputs."""
    found: dict[str, list[str]] = {name: [""] for name in net.outputs}
    for op in (*net.ops, *net.through.values()):
        for name in (*op.proto.input, *op.captured):
            found.setdefault(name, []).append(op.id)
    return found


def _is_read(net: Net, name: str) -> bool:
    return bool(_readers(net).get(name))


def _copy(op: Op) -> NodeProto:
    node = NodeProto()
    node.CopyFrom(op.proto)
    return node
