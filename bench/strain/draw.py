"""What all generators draw with: a registry, nodes, models and two weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper

F = TensorProto.FLOAT
Make = Callable[[int], ModelProto]
GENERATORS: dict[str, tuple[tuple[int, ...], Make]] = {}
"""By name the sizes at which a generator is measured, and the generator."""


def generator(*sizes: int) -> Callable[[Make], Make]:
    def kept(make: Make) -> Make:
        GENERATORS[make.__name__] = (sizes, make)
        return make

    return kept


def model(
    nodes: Sequence[NodeProto],
    outputs: Sequence[str],
    inputs: Sequence[tuple[str, int, Sequence[int | str] | None]] = (("x", F, [1, 8]),),
    weights: Sequence[TensorProto] = (),
    functions: Sequence[FunctionProto] = (),
    domains: Sequence[str] = (),
) -> ModelProto:
    m = ModelProto(ir_version=10)
    m.opset_import.add(domain="", version=20)
    for d in domains:
        m.opset_import.add(domain=d, version=1)
    m.graph.name = "g"
    m.graph.node.extend(nodes)
    m.graph.input.extend(helper.make_tensor_value_info(*i) for i in inputs)
    m.graph.output.extend(helper.make_tensor_value_info(o, F, None) for o in outputs)
    m.graph.initializer.extend(weights)
    m.functions.extend(functions)
    return m


def n(kind: str, given: Sequence[str], made: str | list[str], **attributes: object) -> NodeProto:
    return helper.make_node(kind, given, made if isinstance(made, list) else [made], **attributes)


W = helper.make_tensor("w", F, [8, 8], [0.1] * 64)
S = helper.make_tensor("s", F, [8], [1.0] * 8)
