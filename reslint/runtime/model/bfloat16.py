"""Models of bfloat16: NumPy has no such type, and ONNX Runtime's CPU no kernels for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper

from reslint.net import Net
from reslint.net.nodes import every_node
from reslint.net.values import Array
from reslint.runtime.model.runnable import Runnable, widened
from reslint.runtime.protocol.job import Feed

NAME = "bfloat16"
_KIND = TensorProto.BFLOAT16


def is_bfloat16(model: ModelProto) -> bool:
    """Whether a model takes, holds or computes bfloat16 anywhere."""
    graph = model.graph
    if any(v.type.tensor_type.elem_type == _KIND for v in (*graph.input, *graph.output)):
        return True
    return any(t.data_type == _KIND for t in graph.initializer) or any(
        a.name == "to" and a.i == _KIND or a.HasField("t") and a.t.data_type == _KIND
        for node in every_node(graph)
        for a in node.attribute
    )


def on_cpu(model: Runnable, net: Net) -> Runnable:
    """The same model in float32, which holds each of bfloat16's numbers; any other as it is."""
    return replace(widened(model, net), wide=False, was=NAME) if is_bfloat16(model.proto) else model


def bordered(model: Runnable) -> Runnable:
    """The same model with float32 at its border, so that it can be fed and read; inside it stays what it is."""
    if not is_bfloat16(model.proto):
        return model
    made = model.copy()
    graph = made.proto.graph
    taken = {value.name: f"reslint.in.{value.name}" for value in graph.input if _is_narrow(graph, value.name)}
    given = {v.name: f"reslint.out.{v.name}" for v in graph.output if v.type.tensor_type.elem_type == _KIND}
    names = {**taken, **given}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [given.get(name, name) for name in node.output]
    into = [helper.make_node("Cast", [name], [inner], to=_KIND) for name, inner in taken.items()]
    out = [helper.make_node("Cast", [inner], [name], to=TensorProto.FLOAT) for name, inner in given.items()]
    nodes = [*into, *graph.node, *out]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*graph.input, *graph.output):
        if value.name in names:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return replace(made, was=NAME)


def in_float32(feed: Feed) -> Feed:
    """The same input with bfloat16 as float32."""
    return {
        name: [_wide(a) for a in value] if isinstance(value, list) else _wide(value) for name, value in feed.items()
    }


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.name == NAME else array


def _is_narrow(graph: GraphProto, name: str) -> bool:
    return any(v.name == name and v.type.tensor_type.elem_type == _KIND for v in graph.input)
