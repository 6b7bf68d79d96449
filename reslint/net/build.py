"""A parsed model in, its Net out: what is constant is known by name, no-ops are seen through, bodies are nets of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from reslint.net.damage import is_unlike, refuse_damaged
from reslint.net.forgive import Types, types_of
from reslint.net.infer import Inferred, inferred
from reslint.net.nodes import Node, nodes_of
from reslint.net.order import free, graphs, in_order
from reslint.net.shapes import Shapes
from reslint.net.store import Store
from reslint.net.values import Net, Op, Value

_DROPOUT_SWITCH = 12  # the opset from which Dropout has a training_mode input; before, a plain Dropout is inference
_SHAPE_ONLY = frozenset({"Shape", "Size", "EyeLike"})
_RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
_THROUGH = frozenset({"Identity", "Dropout", "Cast", "DequantizeLinear"})
_VALUES = {"CastLike": 1}  # inputs beyond these give a type, no values
_QUANTIZE = frozenset({"QuantizeLinear", "DynamicQuantizeLinear"})

Constants = Mapping[str, TensorProto | NodeProto]


def build(model: ModelProto, path: Path, unread: tuple[str, ...], store: Store | None = None) -> Net:
    """The Net of a model without functions. It holds on to the model."""
    nodes = nodes_of(model.graph)
    refuse_damaged(model, nodes)
    return _Builder(model, inferred(model, nodes), path, unread, store).net()


@dataclass(slots=True)
class _Known:
    """What is known of a graph's tensors so far: it fills while the nodes are read, one after the other.

    `fixed` names what is constant, around a body as well, `static` what does not depend on the inputs' values either. A
    left-out input, whose name is empty, is no reason against being constant, and so stands in both.
    """

    values: Mapping[str, Value]
    symbols: frozenset[str]
    constants: dict[str, TensorProto | NodeProto]
    outer: Constants
    fixed: set[str]
    static: set[str]
    alias: dict[str, str] = field(default_factory=dict)
    through: dict[str, Op] = field(default_factory=dict)
    quantizers: dict[str, Op] = field(default_factory=dict)

    def constant(self, names: Iterable[str], made_by: NodeProto) -> None:
        """Note that tensors are made of constants alone."""
        self.constants.update(dict.fromkeys(names, made_by))
        self.fixed.update(names)
        self.static.update(names)


class _Builder:
    """Builds the Net of one graph, and of the bodies inside it."""

    def __init__(
        self, model: ModelProto, told: Inferred, path: Path, unread: tuple[str, ...], store: Store | None
    ) -> None:
        self.model = model
        self.told = told
        self.path = path
        self.unread = unread
        self.store = store

    def net(self) -> Net:
        """The Net of the outermost graph."""
        folded = {t.name: t for t in self.told.folded}
        return self.graph(self.model.graph, self.told.types, self.told.nodes, folded, None, None)

    def graph(
        self,
        graph: GraphProto,
        types: Types,
        nodes: Sequence[Node],
        folded: Mapping[str, TensorProto],
        around: _Known | None,
        owner: NodeProto | None,
    ) -> Net:
        """The Net of a graph, with what was told of its tensors' types; of a body with what is known `around` it."""
        outer = {**around.outer, **around.constants} if around else {}
        weights = {t.name: t for t in graph.initializer}
        weights |= folded
        weights |= {t.values.name: t.values for t in graph.sparse_initializer}
        inputs = tuple(i.name for i in graph.input if i.name not in weights)
        symbols = frozenset(d.dim_param for i in graph.input for d in i.type.tensor_type.shape.dim if d.dim_param)
        if around:
            symbols |= around.symbols
        values = self.values(types, nodes, weights, symbols, around)
        fixed, static = {"", *weights, *outer}, {"", *weights, *(around.static if around else ())}
        known = _Known(values, symbols, dict(weights), outer, fixed, static)
        ops = tuple(self.ops(in_order(nodes, {*inputs, *weights}), known))
        ops = _needed(ops, known.alias, [o.name for o in graph.output])
        if known.quantizers:
            ops = tuple(_without_idle(ops, known.through, {o.name for o in graph.output}))
        return Net(
            path=self.path,
            name=graph.name,
            ops=ops,
            inputs=inputs,
            outputs=tuple(o.name for o in graph.output),
            values=values,
            constants=known.constants,
            static=frozenset(known.static - {""}),
            alias=known.alias,
            through=known.through,
            opsets=self.told.opsets,
            symbols=symbols,
            unread=self.unread,
            owner=owner,
            metadata={p.key: p.value for p in self.model.metadata_props},
            outer=outer,
            store=self.store,
            made_by=f"{self.model.producer_name} {self.model.producer_version}".strip(),
        )

    def ops(self, nodes: Iterable[Node], known: _Known) -> Iterator[Op]:
        """The ops of nodes in topological order, but for those that only make constants and those that are seen through."""
        version = self.told.opsets.get("", 0)
        alias, fixed, static = known.alias, known.fixed, known.static
        for place, node in enumerate(nodes):
            proto, kind, domain, given, outputs = node
            if is_unlike(node, version):
                kind = f"{kind}?"
            if alias:
                given = tuple([alias.get(i, i) for i in given])
            captured, bodies = self.bodies(node, known) if node.may_hold_bodies else ((), ())
            data = tuple([i for i in given if i not in static])
            data = given if len(data) == len(given) else data  # the same tuple for most
            reads = given[: _VALUES[kind]] if kind in _VALUES else given
            still = not bodies and (not data or static.issuperset(reads))
            if still and kind not in _RANDOM and fixed.issuperset(reads):
                known.constant([o for o in outputs if o], proto)
                continue
            constant = tuple([i for i in given if i and i in fixed]) if len(data) < len(given) else ()
            name = next(filter(None, outputs), "")
            op = Op(proto, place, kind, domain, given, outputs, data, constant, captured, bodies, name)
            if still and any(reads) or kind in _SHAPE_ONLY and not domain:
                static.update(outputs)
            if kind in _QUANTIZE:
                known.quantizers.update(dict.fromkeys(outputs, op))
            source = self.seen_through(op, known) if kind in _THROUGH else None
            if source is not None:
                alias[outputs[0]] = source
                known.through[outputs[0]] = op
            elif name:
                yield op

    def bodies(self, node: Node, known: _Known) -> tuple[tuple[str, ...], tuple[Net, ...]]:
        """The outer tensors that a node's bodies read, and the bodies."""
        inner = tuple(graphs(node))
        if not inner:
            return (), ()
        nets = tuple(self.graph(g, types_of(g), nodes_of(g), {}, known, node.proto) for g in inner)
        captured = dict.fromkeys(name for g in inner for name in free(g))
        return tuple(captured), nets

    def values(
        self,
        types: Types,
        nodes: Iterable[Node],
        weights: Mapping[str, TensorProto],
        symbols: frozenset[str],
        around: _Known | None,
    ) -> Mapping[str, Value]:
        """The types and shapes of a graph's tensors; `types` takes in what its constants tell."""
        literal = (node for node in nodes if node.type == "Constant")
        types.update(
            (o, a.t) for node in literal for o in node.outputs[:1] for a in node.proto.attribute if a.HasField("t")
        )
        types.update(weights)
        return Shapes(types, {} if around else self.told.declared, symbols, around.values if around else None)

    def seen_through(self, op: Op, known: _Known) -> str | None:
        """The tensor that a no-op repeats, None for an op that does something."""
        if not op.inputs or not op.inputs[0] or op.domain and op.type != "DequantizeLinear":
            return None
        source = op.inputs[0]
        if op.type == "Identity":
            return source
        if op.type == "Dropout":
            trains = op.inputs[2] if len(op.inputs) > 2 and self.told.opsets.get("", 99) >= _DROPOUT_SWITCH else ""
            return source if not trains or _is_false(known.constants.get(trains)) else None
        if op.type == "Cast":
            kind = known.values[source].type
            return source if kind and kind == op.integer("to", 0) else None
        if op.type == "DequantizeLinear" and source in known.quantizers:
            maker = known.quantizers[source]
            known.through[source] = maker
            return maker.inputs[0]
        return None


def _needed(ops: tuple[Op, ...], alias: Mapping[str, str], outputs: Sequence[str]) -> tuple[Op, ...]:
    """Ops in topological order without those that lead to no output; all where none leads to one, as in a damaged graph."""
    read = {alias.get(name, name) for name in outputs}
    needed: list[Op] = []
    for op in reversed(ops):
        if not read.isdisjoint(op.outputs):
            needed.append(op)
            read.update(op.inputs)
            read.update([alias.get(name, name) for name in op.captured])
    return tuple(reversed(needed)) if needed and len(needed) < len(ops) else ops


def _is_false(constant: object) -> bool:
    """Whether a boolean constant is stored as false."""
    if isinstance(constant, NodeProto):
        constant = next((a.t for a in constant.attribute if a.HasField("t")), None)
    if not isinstance(constant, TensorProto) or constant.data_location == TensorProto.EXTERNAL:
        return False
    return not any(constant.raw_data) and not any(constant.int32_data)


def _without_idle(ops: Sequence[Op], through: Mapping[str, Op], outputs: Set[str]) -> Iterator[Op]:
    """Leave out the quantizers that only feed a dequantizer, whose pair was seen through."""
    read = {i for op in ops for i in (*op.inputs, *op.captured)} | outputs
    for op in ops:
        if op.id not in through or any(o in read for o in op.outputs):
            yield op
