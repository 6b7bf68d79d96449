"""A model in, what onnx's shape inference says of it out: constants folded first, where inference looks for axes and shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import onnx.shape_inference
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, numpy_helper

from reslint.net.arithmetic import LARGEST, computed, literal
from reslint.net.contrib import FORGIVING, OWN, known
from reslint.net.nodes import Node
from reslint.net.values import STANDARD, Array

_INTEGERS = frozenset({TensorProto.INT64, TensorProto.INT32})
_SMALL = 64  # elements of an axes or shape constant at most


Types = dict[str, ValueInfoProto | TensorProto]
"""What tells the type and shape of a tensor, by its name."""


class Inferred(NamedTuple):
    """The types that inference found, what the file itself declares of them, and the nodes that are left beside `folded` ones.

    `opsets` may hold more than the file, which may leave out what inference needs.
    """

    types: Types
    declared: Mapping[str, ValueInfoProto]
    nodes: Sequence[Node]
    folded: Sequence[TensorProto]
    opsets: Mapping[str, int]


def inferred(model: ModelProto, nodes: Sequence[Node]) -> Inferred:
    """Infer the shapes of a model, of which `nodes` were read.

    Declared shapes may be stale, so inference starts without them, except behind ops that it can't know.
    """
    declared = {v.name: v for v in model.graph.value_info if isinstance(v.name, str)}
    kept, folded = _folded(model.graph.initializer, nodes)
    bare = ModelProto()
    bare.CopyFrom(model)
    if folded:
        del bare.graph.node[:]
        bare.graph.node.extend(node.proto for node in kept)
        bare.graph.initializer.extend(folded)
    unknown = {o for node in kept if node.domain for o in node.outputs}
    del bare.graph.value_info[:]
    bare.graph.value_info.extend(v for name, v in declared.items() if name in unknown)
    if not any(o.domain in STANDARD for o in bare.opset_import):
        bare.opset_import.add(domain="", version=onnx.defs.onnx_opset_version())
    propagates = not _ranges_far(bare.graph.initializer, kept)
    told = _told(bare, kept, propagates)
    imported = [o for o in told.opset_import if isinstance(o.domain, str)]
    opsets = {"" if o.domain in STANDARD else o.domain: o.version for o in imported}
    types = types_of(told.graph)
    lost = [
        at
        for at, node in enumerate(kept)
        if node.type in FORGIVING and not node.domain and types.keys().isdisjoint(node.outputs)
    ]
    if any(_clashes(types.get(name) for name in kept[at].inputs) for at in lost):
        told = _told(bare, _forgiven(bare.graph, kept, lost), propagates)
        types = types_of(told.graph)
    return Inferred(types, declared, tuple(_with_bodies(kept, told.graph)), folded, opsets)


def types_of(graph: GraphProto) -> Types:
    """What a graph itself tells of the types and shapes of its tensors."""
    return {i.name: i for part in (graph.input, graph.output, graph.value_info) for i in part}


def _told(bare: ModelProto, nodes: Iterable[Node], propagates: bool) -> ModelProto:
    """The model with what inference says of it, which may be nothing."""
    try:
        with known(bare, {(node.domain, node.type) for node in nodes}):
            return onnx.shape_inference.infer_shapes(bare, data_prop=propagates)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError, TypeError):
        return bare  # a graph that inference refuses whole is still read; what is unknown stays unknown


def _clashes(types: Iterable[ValueInfoProto | TensorProto | None]) -> bool:
    """Whether tensors are known not to broadcast."""
    shapes = [t.type.tensor_type.shape.dim for t in types if isinstance(t, ValueInfoProto)]
    return any(
        len({d.dim_value for d in dims if d and d.dim_value > 1}) > 1 for dims in zip_longest(*map(reversed, shapes))
    )


def _forgiven(graph: GraphProto, nodes: Sequence[Node], lost: Iterable[int]) -> Sequence[Node]:
    """The nodes, with those at `lost` places turned into what has a shape even where its inputs don't fit.

    Behind the first sum that can't be, all others would have no shape, and only one of them would be reported at a time. The
    tensor that was made first comes first, since it is the stream.
    """
    made = {name: at for at, node in enumerate(nodes) for name in node.outputs}
    found = list(nodes)
    for at in lost:
        found[at] = nodes[at]._replace(domain=OWN)
        graph.node[at].domain = OWN
        graph.node[at].input[:] = sorted(nodes[at].inputs, key=lambda name: made.get(name, -1))
    return found


def _with_bodies(nodes: Iterable[Node], graph: GraphProto) -> Iterable[Node]:
    """The nodes, those with bodies as inference left them: it tells the shapes inside a body in the body itself."""
    return (node._replace(proto=graph.node[at]) if node.may_hold_bodies else node for at, node in enumerate(nodes))


def _ranges_far(initializers: Iterable[TensorProto], nodes: Iterable[Node]) -> bool:
    """Whether a constant range is longer than any shape: propagating its values would fill the memory."""
    ranges = [node.inputs for node in nodes if node.type == "Range" and len(node.inputs) == 3]
    small = (
        {t.name: found for t in initializers if (found := _few(t)) is not None and found.size == 1} if ranges else {}
    )
    for inputs in ranges:
        if all(i in small for i in inputs):
            start, limit, step = (int(small[i].reshape(-1)[0]) for i in inputs)
            if step and (limit - start) / step > LARGEST:
                return True
    return False


def _folded(initializers: Iterable[TensorProto], nodes: Sequence[Node]) -> tuple[Sequence[Node], list[TensorProto]]:
    """The nodes without integer arithmetic on constants, and the constants that take its place."""
    known = {t.name: found for t in initializers if (found := _few(t)) is not None}
    kept, folded = [], []
    for node in nodes:
        if node.type == "Constant" and not node.domain:
            value = _constant(node)
            if value is not None and value.dtype.kind == "i" and node.outputs:
                known[node.outputs[0]] = value
        elif node.inputs and len(node.outputs) == 1 and known.keys() >= set(node.inputs):
            made = computed(node.proto, [known[i] for i in node.inputs])
            if made is not None and made.dtype.kind == "i" and made.size <= _SMALL:
                known[node.outputs[0]] = made
                folded.append(numpy_helper.from_array(made, node.outputs[0]))
                continue
        kept.append(node)
    return kept, folded


def _constant(node: Node) -> Array | None:
    """The value of a Constant node, where it is a number or a small integer tensor."""
    held = next((a.t for a in node.proto.attribute if a.HasField("t")), None)
    return _few(held) if held is not None else literal(node.proto)


def _few(tensor: TensorProto) -> Array | None:
    """The elements of a small integer tensor, None for others and where its bytes don't fit its shape."""
    if tensor.data_type not in _INTEGERS or tensor.data_location == TensorProto.EXTERNAL:
        return None
    if math.prod(tensor.dims) > _SMALL:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError):
        return None
