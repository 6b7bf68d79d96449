"""A model and its blocks in, the same model with a hand on each stream out: noise that is added, a shortcut that can be cut.

At each merge the shortcut is replaced by itself times `keep`, plus `noise`: two further inputs of the graph. With a keep of
one and a noise of zero the model computes what it always did.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, TensorProto, helper

from reslint.anatomy import Kind
from reslint.runtime.model.taps import Taps
from reslint.runtime.probes.streams import Stream, exposed
from reslint.runtime.protocol.job import Handles

_CUTTABLE = frozenset({Kind.IDENTITY, Kind.PROJECTION, Kind.SCALED})
_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, 0})  # the second was widened


def shaken(model: ModelProto, found: Sequence[Stream]) -> tuple[ModelProto, tuple[Stream, ...], tuple[Handles, ...]]:
    """The model, which also gives the ranges of its streams, the blocks that can be shaken, and their handles."""
    made = exposed(model, found)
    outputs = [o for o in made.graph.output if o.type.tensor_type.elem_type == TensorProto.FLOAT]
    places = {name: node for node in made.graph.node for name in node.output if name}
    held: list[Stream] = []
    handles: list[Handles] = []
    for stream in found:
        node = places.get(stream.block.merge.id)
        at = _shortcut(node, stream) if node is not None else None
        if node is not None and at is not None:
            names = Handles(
                f"reslint.keep.{len(held)}", f"reslint.noise.{len(held)}", stream.merged, stream.block.kind in _CUTTABLE
            )
            _handle(made, node, at, names)
            held.append(stream)
            handles.append(names)
    made = Taps(tuple(h.stream for h in handles), far=True).onto(made)
    made.graph.output.extend(outputs)
    return made, tuple(held), tuple(handles)


def _shortcut(node: NodeProto, stream: Stream) -> int | None:
    """The input of a merge that is its shortcut; None where it is there twice, or no float32."""
    net, wanted = stream.block.net, stream.block.sides[0]
    at = [k for k, name in enumerate(node.input) if net.canonical(name) == wanted]
    return at[0] if len(at) == 1 and net.value(wanted).type in _FLOATS else None


def _handle(made: ModelProto, node: NodeProto, at: int, names: Handles) -> None:
    kept, moved = f"{names.keep}.kept", f"{names.noise}.moved"
    made.graph.node.append(helper.make_node("Mul", [node.input[at], names.keep], [kept]))
    made.graph.node.append(helper.make_node("Add", [kept, names.noise], [moved]))
    node.input[at] = moved
    made.graph.input.append(helper.make_tensor_value_info(names.keep, TensorProto.FLOAT, []))
    made.graph.input.append(helper.make_tensor_value_info(names.noise, TensorProto.FLOAT, None))
