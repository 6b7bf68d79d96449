"""Where a mutation happens: a graph, a node, a tensor of a model."""

from __future__ import annotations

from random import Random

from onnx import GraphProto, ModelProto, NodeProto, TensorProto


def graphs(graph: GraphProto, depth: int = 0) -> list[GraphProto]:
    found = [graph]
    if depth < 4:
        for node in graph.node[:200]:
            for a in node.attribute:
                if a.HasField("g"):
                    found += graphs(a.g, depth + 1)
    return found


def some_graph(m: ModelProto, r: Random) -> GraphProto:
    every = graphs(m.graph)
    return every[0] if r.random() < 0.6 else r.choice(every)


def node_of(g: GraphProto, r: Random) -> NodeProto:
    return r.choice(g.node) if g.node else g.node.add()


def tensors(g: GraphProto) -> list[str]:
    return [*(o for n in g.node for o in n.output), *(i.name for i in g.input), *(t.name for t in g.initializer)] or [
        "x"
    ]


def tensor_of(m: ModelProto, g: GraphProto, r: Random) -> TensorProto:
    held = [*g.initializer, *(a.t for n in g.node for a in n.attribute if a.HasField("t"))]
    return r.choice(held) if held else g.initializer.add(name="w")
