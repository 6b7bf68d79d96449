"""A path in, a Net out: skim the file, parse the light remainder, infer shapes, fold constants, see through no-ops."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx.inliner
import onnx.parser
import onnx.shape_inference
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from reslint.errors import UnreadableModel
from reslint.net.arithmetic import LARGEST, computed, literal
from reslint.net.contrib import known
from reslint.net.damage import refuse_damaged, refuse_damaged_node
from reslint.net.order import free, graphs, in_order, may_hold_bodies
from reslint.net.shapes import Shapes
from reslint.net.skim import skim
from reslint.net.triage import refuse
from reslint.net.values import STANDARD, Array, Net, Op, Value
from reslint.net.weights import external_problems

TEXT_SUFFIXES = frozenset({".textproto", ".prototxt", ".pbtxt", ".onnxtxt", ".onnxtext"})
SUFFIXES = frozenset({".onnx"}) | TEXT_SUFFIXES

_INTEGERS = frozenset({TensorProto.INT64, TensorProto.INT32})
_SMALL = 64  # elements of an axes or shape constant at most
_DROPOUT_SWITCH = 12  # the opset from which Dropout has a training_mode input; before, a plain Dropout is inference
_SHAPE_ONLY = frozenset({"Shape", "Size", "EyeLike"})
_RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
_THROUGH = frozenset({"Identity", "Dropout", "Cast", "DequantizeLinear"})
_VALUES = {"CastLike": 1}  # inputs beyond these give a type, no values
_QUANTIZE = frozenset({"QuantizeLinear", "DynamicQuantizeLinear"})


def read(path: Path) -> Net:
    """Read a model file: ONNX protobuf of any size, ONNX text or text protobuf.

    Raises UnreadableModel (or NotFetched) with one line on what the file is and what to do.
    """
    try:
        model = light(path)
    except OSError as error:
        raise UnreadableModel(f"can't be opened: {error.strerror or error}") from error
    return from_proto(model, path)


def light(path: Path) -> ModelProto:
    """The model of a file, large payloads left where they are."""
    return _text_model(path) if path.suffix in TEXT_SUFFIXES else _binary_model(path)


def from_proto(model: ModelProto, path: Path = Path("model.onnx")) -> Net:
    """The Net of a model in memory; `path` tells where external data lies. The model is left as it is."""
    if not model.graph.node and not model.graph.output:
        raise UnreadableModel("holds no graph; it is no ONNX model, or an empty one")
    if model.functions:
        model = inlined(model)
    unread = tuple(external_problems(model.graph, path))
    inferred, declared = _infer(model)
    return _Builder(inferred, declared, path, unread).net()


def _binary_model(path: Path) -> ModelProto:
    with path.open("rb") as file:
        refuse(path, file.read(64))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            light = skim(buffer)
    try:
        return ModelProto.FromString(light)
    except DecodeError as error:
        raise UnreadableModel("is no ONNX model, or is damaged: its bytes are not the protobuf of a model") from error


def _text_model(path: Path) -> ModelProto:
    text = path.read_bytes()
    refuse(path, text[:64])
    try:
        if path.suffix in (".onnxtxt", ".onnxtext"):
            return onnx.parser.parse_model(text.decode())
        return onnx.load_model_from_string(text, format="textproto")
    except Exception as error:  # the two parsers have no error in common
        first = str(error).strip().splitlines()
        raise UnreadableModel(
            f"is no ONNX text that can be parsed: {first[0] if first else 'no reason given'}"
        ) from error


def inlined(model: ModelProto) -> ModelProto:
    """The same model without functions of its own."""
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # the inliner's errors have nothing in common
        first = str(error).strip().splitlines()
        raise UnreadableModel(
            f"has functions that can't be inlined: {first[0] if first else 'no reason given'}"
        ) from error


def _infer(model: ModelProto) -> tuple[ModelProto, Mapping[str, ValueInfoProto]]:
    """The model with inferred shapes, and what its own value_info declared.

    Declared shapes may be stale, so inference starts without them, except behind ops that it can't know.
    """
    declared = {v.name: v for v in model.graph.value_info if isinstance(v.name, str)}
    bare = ModelProto()
    bare.CopyFrom(model)
    _fold(bare.graph)
    unknown = {o for n in bare.graph.node if n.domain not in STANDARD for o in n.output}
    del bare.graph.value_info[:]
    bare.graph.value_info.extend(v for name, v in declared.items() if name in unknown)
    if not any(o.domain in STANDARD for o in bare.opset_import):
        bare.opset_import.add(domain="", version=onnx.defs.onnx_opset_version())
    try:
        with known(bare):
            return onnx.shape_inference.infer_shapes(bare, data_prop=not _ranges_far(bare.graph)), declared
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError, TypeError):
        return bare, declared  # a graph that inference refuses whole is still read; what is unknown stays unknown


def _ranges_far(graph: GraphProto) -> bool:
    """Whether a constant range is longer than any shape: propagating its values would fill the memory."""
    small = {t.name: found for t in graph.initializer if (found := _few(t)) is not None and found.size == 1}
    for node in graph.node:
        if node.op_type == "Range" and all(i in small for i in node.input) and len(node.input) == 3:
            start, limit, step = (int(small[i].reshape(-1)[0]) for i in node.input)
            if step and (limit - start) / step > LARGEST:
                return True
    return False


def _fold(graph: GraphProto) -> None:
    """Turn integer arithmetic on constants into initializers, where shape inference looks for axes and shapes."""
    known = {t.name: found for t in graph.initializer if (found := _few(t)) is not None}
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in STANDARD:
            value = literal(node)
            held = next((a.t for a in node.attribute if a.HasField("t")), None)
            value = _few(held) if held is not None else value
            if value is not None and value.dtype.kind == "i":
                known[node.output[0]] = value
        elif node.input and len(node.output) == 1 and all(i in known for i in node.input):
            made = computed(node, [known[i] for i in node.input])
            if made is not None and made.dtype.kind == "i" and made.size <= _SMALL:
                known[node.output[0]] = made
                graph.initializer.append(numpy_helper.from_array(made, node.output[0]))
                continue
        kept.append(node)
    if len(kept) < len(graph.node):
        sound = [NodeProto.FromString(n.SerializeToString()) for n in kept]
        del graph.node[:]
        graph.node.extend(sound)


def _few(tensor: TensorProto) -> Array | None:
    """The elements of a small integer tensor, None for others and where its bytes don't fit its shape."""
    held = tensor.data_type in _INTEGERS and tensor.data_location != TensorProto.EXTERNAL
    if not held or math.prod(tensor.dims) > _SMALL:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError):
        return None


class _Builder:
    """Builds the Net of one graph, and of the bodies inside it."""

    def __init__(
        self, model: ModelProto, declared: Mapping[str, ValueInfoProto], path: Path, unread: tuple[str, ...]
    ) -> None:
        self.model = model
        self.declared = declared
        self.path = path
        self.unread = unread
        imported = [o for o in self.model.opset_import if isinstance(o.domain, str)]
        self.opsets = {"" if o.domain in STANDARD else o.domain: o.version for o in imported}

    def net(self) -> Net:
        return self.graph(self.model.graph, {}, frozenset(), None)

    def graph(
        self,
        graph: GraphProto,
        outer: Mapping[str, TensorProto | NodeProto],
        outer_static: frozenset[str],
        owner: NodeProto | None,
    ) -> Net:
        refuse_damaged(graph)
        weights = {t.name: t for t in graph.initializer} | {t.values.name: t.values for t in graph.sparse_initializer}
        inputs = tuple(i.name for i in graph.input if i.name not in weights)
        symbols = {d.dim_param for i in graph.input for d in i.type.tensor_type.shape.dim if d.dim_param}
        values = self.values(graph, weights, frozenset(symbols))
        constants: dict[str, TensorProto | NodeProto] = dict(weights)
        static = set(weights) | outer_static
        alias: dict[str, str] = {}
        through: dict[str, Op] = {}
        ops: list[Op] = []
        made: dict[str, Op] = {}
        for place, node in enumerate(in_order(graph.node, {*inputs, *weights})):
            refuse_damaged_node(node, self.opsets)
            given = tuple(alias.get(i, i) for i in node.input)
            captured, bodies = self.bodies(node, constants, outer, static) if may_hold_bodies(node) else ((), ())
            domain = "" if node.domain in STANDARD else node.domain
            outputs = tuple(node.output)
            name = outputs[0] if outputs and outputs[0] else next((o for o in outputs if o), "")
            op = Op(node, place, node.op_type, domain, given, outputs, captured, bodies, name)
            for output in outputs:
                made[output] = op
            reads = (*(i for i in given[: _VALUES.get(node.op_type)] if i), *captured)
            if node.op_type not in _RANDOM and not bodies and all(i in constants or i in outer for i in reads):
                constants.update((o, node) for o in node.output if o)
                static.update(o for o in node.output if o)
                continue
            if not domain and node.op_type in _SHAPE_ONLY or reads and not bodies and all(i in static for i in reads):
                static.update(o for o in node.output if o)
            source = self.seen_through(op, made, values, constants, through) if node.op_type in _THROUGH else None
            if source is not None:
                alias[node.output[0]] = source
                through[node.output[0]] = op
                continue
            if name:
                ops.append(op)
        return Net(
            path=self.path,
            name=graph.name,
            ops=tuple(_without_idle_quantizers(ops, through, {o.name for o in graph.output})),
            inputs=inputs,
            outputs=tuple(o.name for o in graph.output),
            values=values,
            constants=constants,
            static=frozenset(static),
            alias=alias,
            through=through,
            opsets=self.opsets,
            symbols=frozenset(symbols),
            unread=self.unread,
            owner=owner,
            metadata={p.key: p.value for p in self.model.metadata_props},
            outer=outer,
        )

    def bodies(
        self,
        node: NodeProto,
        constants: Mapping[str, TensorProto | NodeProto],
        outer: Mapping[str, TensorProto | NodeProto],
        static: Iterable[str],
    ) -> tuple[tuple[str, ...], tuple[Net, ...]]:
        """The outer tensors that a node's bodies read, and the bodies."""
        inner = tuple(graphs(node))
        if not inner:
            return (), ()
        around = {**outer, **constants}
        nets = tuple(self.graph(g, around, frozenset(static), node) for g in inner)
        captured = dict.fromkeys(name for g in inner for name in free(g))
        return tuple(captured), nets

    def values(
        self, graph: GraphProto, weights: Mapping[str, TensorProto], symbols: frozenset[str]
    ) -> Mapping[str, Value]:
        inferred = {i.name: i for i in (*graph.input, *graph.output, *graph.value_info)}
        constants = {
            n.output[0]: a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute if a.HasField("t")
        }
        return Shapes(inferred, self.declared, {**constants, **weights}, symbols)

    def seen_through(
        self,
        op: Op,
        made: Mapping[str, Op],
        values: Mapping[str, Value],
        constants: Mapping[str, object],
        through: dict[str, Op],
    ) -> str | None:
        """The tensor that a no-op repeats, None for an op that does something."""
        if not op.inputs or not op.inputs[0] or op.domain and op.type != "DequantizeLinear":
            return None
        source = op.inputs[0]
        if op.type == "Identity":
            return source
        if op.type == "Dropout":
            trains = op.inputs[2] if len(op.inputs) > 2 and self.opsets.get("", 99) >= _DROPOUT_SWITCH else ""
            return source if not trains or _is_false(constants.get(trains)) else None
        if op.type == "Cast":
            kind = values[source].type
            return source if kind and kind == op.integer("to", 0) else None
        if op.type == "DequantizeLinear" and op.inputs[0] in made:
            maker = made[op.inputs[0]]
            if maker.type in _QUANTIZE:
                through[op.inputs[0]] = maker
                return maker.inputs[0]
        return None


def _is_false(constant: object) -> bool:
    """Whether a boolean constant is stored as false."""
    if isinstance(constant, NodeProto):
        constant = next((a.t for a in constant.attribute if a.HasField("t")), None)
    if not isinstance(constant, TensorProto) or constant.data_location == TensorProto.EXTERNAL:
        return False
    return not any(constant.raw_data) and not any(constant.int32_data)


def _without_idle_quantizers(ops: list[Op], through: Mapping[str, Op], outputs: set[str]) -> Iterator[Op]:
    """Leave out the quantizers that only feed a dequantizer, whose pair was seen through."""
    read = {i for op in ops for i in (*op.inputs, *op.captured)} | outputs
    for op in ops:
        if op.id not in through or any(o in read for o in op.outputs):
            yield op
