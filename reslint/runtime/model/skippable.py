"""`skippable` puts a switch on each branch of a model: with a keep of zero, a block hands on its shortcut alone."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, TensorProto, helper

from reslint.anatomy import Kind
from reslint.runtime.probes.streams import Stream, exposed
from reslint.runtime.protocol.job import Skipping

_SKIPPED = frozenset({Kind.IDENTITY, Kind.PROJECTION, Kind.SCALED})
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, 0})  # the second was widened


def skippable(model: ModelProto, found: Sequence[Stream]) -> tuple[ModelProto, tuple[Stream, ...], Skipping]:
    """The model with a further input for each block, and with its streams as outputs; the blocks, and those names."""
    made = exposed(model, found)
    own = tuple(o.name for o in made.graph.output if o.type.tensor_type.elem_type == TensorProto.FLOAT)
    places = {name: node for node in made.graph.node for name in node.output if name}
    held: list[Stream] = []
    keeps: list[str] = []
    for stream in found:
        node = places.get(stream.block.merge.id)
        at = _branch(node, stream) if node is not None else None
        if node is not None and at is not None:
            keeps.append(f"reslint.keep.{len(held)}")
            _switch(made, node, at, keeps[-1])
            held.append(stream)
    streams = tuple((s.into, s.merged) for s in held)
    there = {o.name for o in made.graph.output}
    more = dict.fromkeys(name for pair in streams for name in pair if name not in there)
    made.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in more)
    return made, tuple(held), Skipping(tuple(keeps), own, streams)


def _branch(node: NodeProto, stream: Stream) -> int | None:
    """The input of a merge that is its branch; None where it is there twice, or no float32, or one of a gate's sides."""
    net, wanted = stream.block.net, stream.block.sides[1]
    at = [k for k, name in enumerate(node.input) if net.canonical(name) == wanted]
    sound = stream.block.kind in _SKIPPED and net.value(wanted).type in _FLOATS
    return at[0] if len(at) == 1 and sound else None


def _switch(made: ModelProto, node: NodeProto, at: int, keep: str) -> None:
    kept = f"{keep}.kept"
    made.graph.node.append(helper.make_node("Mul", [node.input[at], keep], [kept]))
    node.input[at] = kept
    made.graph.input.append(helper.make_tensor_value_info(keep, TensorProto.FLOAT, []))
