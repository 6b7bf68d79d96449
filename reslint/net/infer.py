"""A model in, what onnx's shape inference says of it out: constants folded first, where inference looks for axes and shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, defs, numpy_helper
from onnx.shape_inference import infer_shapes

from reslint.errors import UnreadableModel
from reslint.net.arithmetic import LARGEST, computed, held, literal
from reslint.net.contrib import FORGIVING, OWN, are_known, known
from reslint.net.damage import versions_of
from reslint.net.forgive import Types, forgive, restore, types_of
from reslint.net.limits import OutOfMemory
from reslint.net.native import NativeError, natively
from reslint.net.nodes import Node, bodies_of, every_node
from reslint.net.values import STANDARD, Array

_INTEGERS = frozenset({TensorProto.INT64, TensorProto.INT32})
_GROWING = frozenset({"Range", "ConstantOfShape", "Concat"})
_ENDS = frozenset({2**31 - 1, 2**63 - 1})  # how exporters write the end of a slice
_LEAST, _GROWTH = 1 << 29, 64
"""Bytes that inference may take, and how many for each byte of the model beside that; sound models take a fifth of it."""
_SMALL = 64  # elements of an axes or shape constant at most


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
    declared = {
        v.name: v for part in (model.graph.value_info, model.graph.output) for v in part if isinstance(v.name, str)
    }
    kept, folded, constants = _folded(model.graph.initializer, nodes)
    bare = ModelProto()
    bare.CopyFrom(model)
    if folded:
        del bare.graph.node[:]
        bare.graph.node.extend(node.proto for node in kept)
        bare.graph.initializer.extend(folded)
    if any(node.type == "Identity" for node in kept):
        _see_through(bare.graph)
    unknown = {o for node in kept if node.domain for o in node.outputs}
    for value in bare.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    del bare.graph.value_info[:]
    bare.graph.value_info.extend(v for name, v in declared.items() if name in unknown)
    if not any(o.domain in STANDARD for o in bare.opset_import):
        bare.opset_import.add(domain="", version=defs.onnx_opset_version())
    holding = [node for node in kept if node.may_hold_bodies]
    growing = (node.proto for node in (*(node for node in kept if node.type in _GROWING), *holding))
    used = _used(kept, holding)
    propagates = not _fills_memory(growing, constants)
    if propagates and _may_be_long(bare.graph, constants):
        propagates = not _is_long(types_of(_told(bare, used, False, False).graph))
    told = _told(bare, used, propagates, bool(holding))
    imported = [o for o in told.opset_import if isinstance(o.domain, str)]
    opsets = {"" if o.domain in STANDARD else o.domain: o.version for o in imported}
    types = types_of(told.graph)
    if (holding or _may_have_given_up(kept, told.graph, types)) and forgive(bare.graph, told.graph):
        told = _told(bare, used | {(OWN, name) for name in FORGIVING}, propagates, bool(holding))
        restore(told.graph)
        types = types_of(told.graph)
    return Inferred(types, declared, tuple(_with_bodies(kept, told.graph)), folded, opsets)


def _see_through(graph: GraphProto) -> None:
    """Let nodes read what an Identity repeats: inference follows shapes as values through other ops, and not through it."""
    source: dict[str, str] = {}
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name in source:
                node.input[at] = source[name]
        if node.op_type == "Identity" and node.domain in STANDARD and len(node.input) == len(node.output) == 1:
            source[node.output[0]] = node.input[0]


def _used(nodes: Iterable[Node], holding: Iterable[Node]) -> frozenset[tuple[str, str]]:
    """The operators of nodes, and in the bodies that some of them hold, by domain and name."""
    inner = (n for node in holding for body in bodies_of(node.proto) for n in every_node(body))
    return frozenset(
        {(node.domain, node.type) for node in nodes}
        | {(n.domain, n.op_type) for n in inner if isinstance(n.domain, str) and isinstance(n.op_type, str)}
    )


def _may_have_given_up(nodes: Iterable[Node], told: GraphProto, types: Types) -> bool:
    """Whether there may be a sum without a shape outside of bodies, which a look into all types would tell for sure."""
    names = types.keys()
    return any(not value.type.tensor_type.HasField("shape") for value in told.output) or any(
        node.type in FORGIVING and names.isdisjoint(node.outputs) for node in nodes
    )


def _told(bare: ModelProto, used: Set[tuple[str, str]], propagates: bool, bodies: bool) -> ModelProto:
    """The model with what inference says of it, which may be nothing; its nodes only where `bodies` in them hold more."""
    versions = versions_of(bare.opset_import)
    for domain in sorted({"" if domain in STANDARD else domain for domain, _ in used} - versions.keys()):
        bare.opset_import.add(domain=domain, version=1)  # some optimizers leave it out, and inference refuses all of it
    task = partial(_infer, versions, are_known(used), bodies, propagates)
    data = bare.SerializeToString()
    most = _LEAST + _GROWTH * len(data)
    try:
        told = natively(task, data, "onnx's shape inference", memory=most)
    except OutOfMemory:
        if propagates:  # of values, which takes more
            return _told(bare, used, False, bodies)
        raise UnreadableModel(
            f"makes onnx's shape inference take more than {most >> 20} MB, far more than a model of its size needs; "
            "a shape in it is damaged or hostile"
        ) from None
    except (NativeError, ValueError):
        return bare  # a graph that inference refuses whole is still read; what is unknown stays unknown
    return ModelProto.FromString(told)


def _infer(
    versions: Mapping[str, int], used: Iterable[tuple[str, str]], bodies: bool, propagates: bool, model: bytes
) -> bytes:
    """The model with what inference says of it; both serialized. What was asked is not sent back without need."""
    with known(versions, used):
        told = infer_shapes(model, data_prop=propagates)
    if not bodies:
        del told.graph.node[:], told.graph.initializer[:]
    return told.SerializeToString()


def _with_bodies(nodes: Iterable[Node], graph: GraphProto) -> Iterable[Node]:
    """The nodes, those with bodies as inference left them: it tells the shapes inside a body in the body itself."""
    return (node._replace(proto=graph.node[at]) if node.may_hold_bodies else node for at, node in enumerate(nodes))


def _may_be_long(graph: GraphProto, constants: Mapping[str, Array]) -> bool:
    """Whether there may be a long vector in a graph, of which propagation would make a value for each element."""
    inputs = ([d.dim_value for d in value.type.tensor_type.shape.dim if d.dim_value > 0] for value in graph.input)
    return (
        any(math.prod(extents) > LARGEST for extents in inputs)
        or any(len(t.dims) == 1 and t.dims[0] > LARGEST for t in graph.initializer)
        or any(v > LARGEST and v not in _ENDS for found in constants.values() for v in found.reshape(-1).tolist())
    )


def _is_long(types: Types) -> bool:
    """Whether there is a long vector."""
    shapes = (t.type.tensor_type.shape.dim for t in types.values() if isinstance(t, ValueInfoProto))
    return any(len(dims) == 1 and dims[0].dim_value > LARGEST for dims in shapes)


def _fills_memory(nodes: Iterable[NodeProto], known: Mapping[str, Array]) -> bool:
    """Whether values that a few bytes ask for are more than any shape has: to propagate them would fill the memory.

    `known` are small integer constants; those of a body are its own beside them.
    """
    known = dict(known)
    sizes: dict[str, int] = {}  # of what is joined from them
    for node in nodes:
        size = _asked_for(node, known, sizes)
        if size > LARGEST:
            return True
        if size and node.output:
            sizes[node.output[0]] = size
        value = _constant(node) if node.op_type == "Constant" and node.output else None
        if value is not None and value.dtype.kind == "i":
            known[node.output[0]] = value
        for body in bodies_of(node):
            inside = {t.name: found for t in body.initializer if (found := _few(t)) is not None}
            if _fills_memory(body.node, {**known, **inside}):
                return True
    return False


def _asked_for(node: NodeProto, known: Mapping[str, Array], sizes: Mapping[str, int]) -> int:
    """How many values a node asks for, as far as constants tell; 0 for most."""
    if node.op_type == "Concat":
        return sum(known[i].size if i in known else sizes.get(i, 0) for i in node.input)
    given = [[int(v) for v in known[i].reshape(-1)] for i in node.input if i in known]
    if node.op_type == "ConstantOfShape" and len(given) == 1:
        return math.prod(given[0])
    if node.op_type != "Range" or len(given) != 3:
        return 0
    start, limit, step = (values[0] if len(values) == 1 else 0 for values in given)
    return (limit - start) // step if step else 0


def _folded(
    initializers: Iterable[TensorProto], nodes: Sequence[Node]
) -> tuple[Sequence[Node], list[TensorProto], Mapping[str, Array]]:
    """The nodes without integer arithmetic on constants, the constants that take its place, and all of these known."""
    known = {t.name: found for t in initializers if (found := _few(t)) is not None}
    kept, folded = [], []
    for node in nodes:
        if node.type == "Constant" and not node.domain:
            value = _constant(node.proto)
            if value is not None and value.dtype.kind == "i" and node.outputs:
                known[node.outputs[0]] = value
        elif node.inputs and len(node.outputs) == 1 and known.keys() >= set(node.inputs):
            made = computed(node.proto, [known[i] for i in node.inputs])
            if made is not None and made.dtype.kind == "i" and made.size <= _SMALL:
                known[node.outputs[0]] = made
                folded.append(numpy_helper.from_array(made, node.outputs[0]))
                continue
        kept.append(node)
    return kept, folded, known


def _constant(node: NodeProto) -> Array | None:
    """The value of a Constant node, where it is a number or a small integer tensor."""
    held = next((a.t for a in node.attribute if a.HasField("t")), None)
    return _few(held) if held is not None else literal(node)


def _few(tensor: TensorProto) -> Array | None:
    """The elements of a small integer tensor, None for others and where its bytes don't fit its shape."""
    if tensor.data_type not in _INTEGERS or tensor.data_location == TensorProto.EXTERNAL:
        return None
    if math.prod(tensor.dims) > _SMALL:
        return None
    try:
        return held(tensor)
    except (ValueError, TypeError):
        return None
