"""A float32 model in, the same with a switch at each op that rounds what the op reads and gives out.

A converter that keeps an op in float32 puts a cast before and one behind it: a tensor is exact only where all ops that touch
it are kept. So each op rounds its own inputs, weights among them, and its output. With all switches off the model computes
what it always did. One session serves all sets of ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onnx import ModelProto, NodeProto, TensorProto, helper

from reslint.net import Net
from reslint.runtime.agreement.compare import EIGHT_BITS
from reslint.runtime.model.taps import PREFIX
from reslint.runtime.protocol.job import Switch

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})
_WIDE_INPUTS = {"Resize": (1, 2), "Upsample": (1,), "GroupNorm": (1, 2), "SkipGroupNorm": (1, 2)}  # float32 in any type
_LOW, _HIGH, _LARGEST = f"{PREFIX}low", f"{PREFIX}high", 65504.0
_CARRIES = frozenset({"Add", "Where", "Concat", "Expand", "Slice", "Unsqueeze", "Squeeze", "Reshape", "Transpose"})
_ENDS = frozenset({"Softmax", "LogSoftmax", "Attention", "MultiHeadAttention", "GroupQueryAttention"})
_CARRYING = _CARRIES | {"Sub", "Mul", "Cast", "Identity", "Gather", "Trilu", "Min", "Max", "Split", "Tile"}


@dataclass(frozen=True, slots=True)
class Switched:
    """A model with switches, its own outputs, and of each switch the place of its node in the original graph."""

    proto: ModelProto
    switches: tuple[Switch, ...]
    places: tuple[int, ...]


def switched(model: ModelProto, net: Net, narrow: int) -> Switched:
    """Put switches into a copy; `narrow` is ONNX's number of the type."""
    made = ModelProto()
    made.CopyFrom(model)
    made.ir_version = max(made.ir_version, 4)
    for limit, value in ((_LOW, -_LARGEST), (_HIGH, _LARGEST)):
        made.graph.initializer.append(helper.make_tensor(limit, TensorProto.FLOAT, [], [value]))
    floats = _floats(model, net)
    nodes: list[NodeProto] = []
    rounded: set[str] = set()
    switches: list[Switch] = []
    places: list[int] = []
    for place, node in enumerate(made.graph.node):
        read = [
            at for at, name in enumerate(node.input) if name in floats and at not in _WIDE_INPUTS.get(node.op_type, ())
        ]
        given = [name for name in node.output if name in floats]
        if _stays(node) or not read and not given:
            nodes.append(node)
            continue
        flag = f"{PREFIX}switch.{len(switches)}"
        made.graph.input.append(helper.make_tensor_value_info(flag, TensorProto.BOOL, []))
        told = Switch(flag, node.op_type, tuple(node.input[at] for at in read), tuple(given), _masks(net, given))
        for at in read:
            name = node.input[at]
            if name not in rounded:
                rounded.add(name)
                fixed = narrow == TensorProto.FLOAT16 and net.is_constant(name)
                nodes.extend(_clipped(name) if fixed else ())
                nodes.extend(_rounding(f"{name}.{PREFIX}clipped" if fixed else name, name, narrow))
            chosen = f"{PREFIX}in.{len(switches)}.{at}"
            nodes.append(helper.make_node("Where", [flag, f"{name}.{PREFIX}rounded", name], [chosen]))
            node.input[at] = chosen
        outputs = {name: f"{name}.{PREFIX}raw" for name in given}
        node.output[:] = [outputs.get(name, name) for name in node.output]
        nodes.append(node)
        for name, raw in outputs.items():
            nodes.extend(_rounding(raw, raw, narrow))
            nodes.append(helper.make_node("Where", [flag, f"{raw}.{PREFIX}rounded", raw], [name]))
            nodes.extend(_peaks(name, raw))
            made.graph.output.extend(
                helper.make_tensor_value_info(peak, TensorProto.FLOAT, []) for peak in told.peaks(name)
            )
        switches.append(told)
        places.append(place)
    del made.graph.node[:], made.graph.value_info[:]
    made.graph.node.extend(nodes)
    return Switched(made, tuple(switches), tuple(places))


def _floats(model: ModelProto, net: Net) -> frozenset[str]:
    """The tensors of a graph that hold floating-point numbers."""
    names = {name for node in model.graph.node for name in (*node.input, *node.output) if name}
    held = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    return frozenset(n for n in names if (held[n] if n in held else net.value(n).type) in _FLOATS)


def _stays(node: NodeProto) -> bool:
    """Whether an op is none that a converter narrows: a constant is rounded by those that read it."""
    return node.op_type == "Constant" or any(word in node.op_type for word in EIGHT_BITS)


def _rounding(name: str, stem: str, narrow: int) -> Iterator[NodeProto]:
    yield helper.make_node("Cast", [name], [f"{stem}.{PREFIX}narrow"], to=narrow)
    yield helper.make_node("Cast", [f"{stem}.{PREFIX}narrow"], [f"{stem}.{PREFIX}rounded"], to=TensorProto.FLOAT)


def _clipped(name: str) -> Iterator[NodeProto]:
    """A constant as converters write it: the largest number that there is instead of infinity."""
    low = f"{name}.{PREFIX}low"
    yield helper.make_node("Max", [name, _LOW], [low])
    yield helper.make_node("Min", [low, _HIGH], [f"{name}.{PREFIX}clipped"])


def _peaks(name: str, raw: str) -> Iterator[NodeProto]:
    least, most = Switch.extremes(name)
    yield helper.make_node("ReduceMin", [raw], [least], keepdims=0)
    yield helper.make_node("ReduceMax", [raw], [most], keepdims=0)


def _masks(net: Net, names: list[str]) -> bool:
    """Whether what an op gives ends in softmaxes alone: what is far below zero there is a way to say no, and may overflow."""
    todo, seen, ended = list(names), set(names), False
    while todo:
        for op in net.consumers.get(net.canonical(todo.pop()), ()):
            if op.type in _ENDS:
                ended = True
            elif op.type not in _CARRYING:
                return False
            else:
                todo.extend(name for name in op.outputs if name and name not in seen)
                seen.update(op.outputs)
    return ended
