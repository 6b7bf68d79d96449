"""Sizes in, generated ONNX models out: large weights, and graphs of as many nodes as one asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

WIDTH = 8


class Drawing:
    """A graph on a stream [1, 16, WIDTH] that grows node by node."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def add(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node and name its output."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], f"n{len(self.nodes)}", **attributes))
        return name

    def weight(self, *shape: int) -> str:
        """Add a small weight."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.full(shape, 0.1, np.float32), name))
        return name

    def layer(self, x: str, width: int = WIDTH) -> str:
        """Two nodes: a matrix product and its activation."""
        return self.add("Relu", self.add("MatMul", x, self.weight(width, WIDTH)))

    def model(self, last: str) -> ModelProto:
        """The model whose output is `last`."""
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, WIDTH])
        y = helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, 16, WIDTH])
        graph = helper.make_graph(self.nodes, "drawn", [x], [y], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def chain(nodes: int) -> ModelProto:
    """Residual blocks of four nodes: product, activation, product, sum."""
    drawing, x = Drawing(), "x"
    while len(drawing.nodes) < nodes:
        x = drawing.add("Add", x, drawing.add("MatMul", drawing.layer(x), drawing.weight(WIDTH, WIDTH)))
    return drawing.model(x)


def stream(nodes: int) -> ModelProto:
    """As many blocks as can be on one stream: a product and a sum each, so ten thousand blocks are 20 thousand nodes."""
    drawing, x = Drawing(), "x"
    while len(drawing.nodes) < nodes:
        x = drawing.add("Add", x, drawing.add("MatMul", x, drawing.weight(WIDTH, WIDTH)))
    return drawing.model(x)


def dense(nodes: int) -> ModelProto:
    """Dense blocks of 32 layers, each of which concatenates all before it in its block."""
    drawing, x = Drawing(), "x"
    while len(drawing.nodes) < nodes:
        made = [x]
        for _ in range(32):
            joined = drawing.add("Concat", *made, axis=2) if len(made) > 1 else x
            made.append(drawing.layer(joined, WIDTH * len(made)))
        x = drawing.layer(drawing.add("Concat", *made, axis=2), WIDTH * len(made))
    return drawing.model(x)


def wide(nodes: int) -> ModelProto:
    """Layers side by side, all joined by a single concatenation."""
    drawing = Drawing()
    made = ["x"]
    while len(drawing.nodes) < nodes - 3:
        made.append(drawing.layer("x"))
    joined = drawing.add("Concat", *made, axis=1)
    return drawing.model(drawing.add("ReduceMean", joined, axes=[1]))


def nested(nodes: int) -> ModelProto:
    """A funnel of layers and back, each layer's output added to its mirror image: skips over the whole graph."""
    drawing, x, held = Drawing(), "x", []
    while len(drawing.nodes) < nodes * 2 // 5:
        x = drawing.layer(x)
        held.append(x)
    x = drawing.layer(x)
    while held:
        x = drawing.layer(drawing.add("Add", x, held.pop()))
    return drawing.model(x)


KINDS: Mapping[str, Callable[[int], ModelProto]] = {
    "chain": chain,
    "stream": stream,
    "dense": dense,
    "wide": wide,
    "nested": nested,
}


def gigabyte(folder: Path) -> tuple[Path, Path]:
    """The same model of 1 GB of weights twice: inline, and with external data."""
    inline, external = folder / "inline.onnx", folder / "external.onnx"
    if not external.exists():
        drawing, x, side = Drawing(), "x", 4096
        for k in range(16):  # of 64 MiB each
            values = np.full((side, side), 1e-3 * (k + 1), np.float32)
            drawing.weights.append(numpy_helper.from_array(values, f"big{k}"))
            branch = drawing.add("MatMul", drawing.add("Relu", drawing.add("MatMul", x, f"big{k}")), f"big{k}")
            x = drawing.add("Add", x, branch)
        model = drawing.model(x)
        for info in (*model.graph.input, *model.graph.output):
            info.type.tensor_type.shape.dim[2].dim_value = side
        onnx.save(model, inline)
        onnx.save(model, external, save_as_external_data=True, location="external.data")
    return inline, external
