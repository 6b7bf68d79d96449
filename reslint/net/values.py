"""The values that a model file becomes: Op, Value, Net. All frozen; nothing in the model is renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto

from reslint.net.store import Store

if TYPE_CHECKING:
    import networkx as nx

Dim = int | str | None
Shape = tuple[Dim, ...]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | TensorProto | None
Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]

STANDARD = frozenset({"", "ai.onnx"})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Op:
    """One ONNX node. Its identity is its first non-empty output, since node names are optional and repeat.

    `inputs` are canonical: Identity and the other no-ops are seen through (`Net.through` holds them). `data` are those
    that depend on the values of the model's inputs, `fixed` those that are the same for every input; one that is read
    twice stands twice. `place` is the op's rank in topological order, `id` its first non-empty output. `captured` are the
    outer tensors that the bodies of a control-flow op read.
    """

    proto: NodeProto
    place: int
    type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    data: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()
    bodies: tuple[Net, ...] = ()
    id: str = ""

    def __repr__(self) -> str:
        return f"<Op {self.kind!r} {self.id!r}>"

    @property
    def name(self) -> str:
        """The node's own name, which may be empty."""
        return self.proto.name

    @property
    def kind(self) -> str:
        """`Add`, or with its domain where that is not ONNX's own: `com.microsoft.FusedConv`."""
        return self.type if not self.domain else f"{self.domain}.{self.type}"

    def attribute(self, name: str) -> Attribute:
        """The value of an attribute, None where the node has none of that name."""
        for a in self.proto.attribute:
            if a.name == name:
                return _attribute(a)
        return None

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attribute(name)
        return value if isinstance(value, int) else default

    def number(self, name: str, default: float) -> float:
        """A floating-point attribute."""
        value = self.attribute(name)
        return float(value) if isinstance(value, int | float) else default

    def integers(self, name: str) -> tuple[int, ...] | None:
        """A list of integers, None where the node has none of that name."""
        value = self.attribute(name)
        return tuple(int(v) for v in value if isinstance(v, int)) if isinstance(value, tuple) else None

    def text(self, name: str, default: str = "") -> str:
        """A string attribute."""
        value = self.attribute(name)
        return value if isinstance(value, str) else default

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the exporter noted on the node; only ever for telling the user where."""
        noted = self.proto.metadata_props
        return {p.key: p.value for p in noted if isinstance(p.key, str) and isinstance(p.value, str)}

    def noted(self, key: str) -> str:
        """What the exporter noted under one key; other notes, traces of the stack among them, are left undecoded."""
        found = [p.value for p in self.proto.metadata_props if p.key == key]
        return found[-1] if found and isinstance(found[-1], str) else ""


def _attribute(a: AttributeProto) -> Attribute:
    if a.type == AttributeProto.INT:
        return int(a.i)
    if a.type == AttributeProto.FLOAT:
        return float(a.f)
    if a.type == AttributeProto.STRING:
        return a.s.decode("utf-8", "replace")
    if a.type == AttributeProto.INTS:
        return tuple(a.ints)
    if a.type == AttributeProto.FLOATS:
        return tuple(a.floats)
    if a.type == AttributeProto.STRINGS:
        return tuple(s.decode("utf-8", "replace") for s in a.strings)
    if a.type == AttributeProto.TENSOR:
        return a.t
    return None


@dataclass(frozen=True, slots=True)
class Value:
    """Type and shape of a tensor. A dimension is an extent, a symbol, or None; the shape is None where the rank is unknown."""

    type: int = 0
    shape: Shape | None = None

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return None if self.shape is None else len(self.shape)

    @property
    def size(self) -> int | None:
        """The number of elements, None where an extent is unknown."""
        total = 1
        for d in self.shape if self.shape is not None else (None,):
            if not isinstance(d, int):
                return None
            total *= d
        return total


class Clash(NamedTuple):
    """A domain of which a function takes another version than the model that it is in."""

    domain: str
    theirs: int
    ours: int


UNKNOWN = Value()
NO_TENSOR = Value(-1)


@dataclass(frozen=True, eq=False, repr=False)
class Net:
    """A graph of ops: what a model file, or the body of an If, Loop or Scan, computes.

    `ops` are in topological order, without constants and what is only made of them (`constants`, by name) and without
    no-ops (`through`, by output). `static` names the tensors that don't depend on the values of the inputs: constants and
    shape arithmetic. `values` know type and shape of tensors by name, UNKNOWN where nothing says; `symbols` are the
    dimensions that the model itself declares for its inputs, all others were invented by inference. `outer` are the constants
    around a body. `clashes` are the model's functions that could not be inlined, by kind. `store` gives the bytes of weights
    where `path` is no file of this machine,
    and `made_by` names the exporter.
    """

    path: Path
    name: str
    ops: tuple[Op, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, Value]
    constants: Mapping[str, TensorProto | NodeProto]
    static: frozenset[str]
    alias: Mapping[str, str]
    through: Mapping[str, Op]
    opsets: Mapping[str, int]
    symbols: frozenset[str]
    unread: tuple[str, ...] = ()
    owner: NodeProto | None = None
    metadata: Mapping[str, str] | None = None
    outer: Mapping[str, TensorProto | NodeProto] | None = None
    clashes: Mapping[str, Clash] = field(default_factory=dict)
    store: Store | None = None
    made_by: str = ""

    def __repr__(self) -> str:
        return f"<Net {self.name!r} of {self.path.name!r}: {len(self.ops)} ops>"

    @cached_property
    def producer(self) -> Mapping[str, Op]:
        """Which op makes a tensor."""
        return {o: op for op in self.ops for o in op.outputs if o}

    @cached_property
    def consumers(self) -> Mapping[str, Sequence[Op]]:
        """Which ops read a tensor, seen through no-ops; an op that reads it twice stands there twice."""
        found: dict[str, list[Op]] = {}
        for op in self.ops:
            for name in op.inputs + op.captured:
                if name:
                    found.setdefault(name, []).append(op)
        return found

    @cached_property
    def graph(self) -> nx.DiGraph[Op]:
        """The ops as a networkx graph. An edge keeps the tensors it carries and, as `via`, the no-ops seen through."""
        import networkx as nx  # a quarter of all that onnx, numpy and click take to import, and few ask for the graph

        graph: nx.DiGraph[Op] = nx.DiGraph()
        graph.add_nodes_from(self.ops)
        for op in self.ops:
            for at, name in enumerate(op.inputs):
                if name in self.producer:
                    graph.add_edge(self.producer[name], op, tensor=name, via=self.via(op, at))
            for name in op.captured:
                if name in self.producer:
                    graph.add_edge(self.producer[name], op, tensor=name, via=())
        return graph

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The names of all constants, those around a body included."""
        return frozenset({*self.constants, *(self.outer or ())} - {""})

    @cached_property
    def located(self) -> dict[str, tuple[Path, int] | str]:
        """The files of external data that were looked for so far, by location: path and size, or what is wrong."""
        return {}

    @cached_property
    def live(self) -> tuple[Op, ...]:
        """The ops that compute something from the values of the inputs; the others do shape arithmetic."""
        return tuple([op for op in self.ops if self.is_data(op.id)])

    @cached_property
    def quantizers(self) -> Mapping[str, Op]:
        """The quantizer that was seen through behind a tensor."""
        return {op.inputs[0]: op for op in self.through.values() if op.type == "QuantizeLinear"}

    @cached_property
    def exits(self) -> frozenset[str]:
        """The graph's outputs, seen through no-ops."""
        return frozenset(self.canonical(name) for name in self.outputs)

    def value(self, name: str) -> Value:
        """Type and shape of a tensor; UNKNOWN where nothing says."""
        return self.values[name]

    def shape(self, name: str) -> Shape | None:
        """The shape of a tensor, None where the rank is unknown."""
        return self.values[name].shape

    def canonical(self, name: str) -> str:
        """The tensor that a no-op's output repeats, or the tensor itself."""
        return self.alias.get(name, name)

    def via(self, op: Op, at: int) -> tuple[Op, ...]:
        """The no-ops between an op and the producer of its input number `at`, nearest first."""
        found = []
        name = op.proto.input[at] if at < len(op.proto.input) else ""
        while name in self.through:
            found.append(self.through[name])
            name = self.through[name].proto.input[0]
        return tuple(found)

    def is_data(self, name: str) -> bool:
        """Whether a tensor depends on the values of the model's inputs (and not on weights and shapes alone)."""
        return bool(name) and name not in self.static

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is the same for every input of whatever shape."""
        return name in self.fixed

    def data_among(self, names: Iterable[str]) -> list[str]:
        """Those of the tensors that depend on the values of the model's inputs, one that is read twice twice."""
        static = self.static
        return [name for name in names if name and name not in static]

    def nets(self) -> tuple[Net, ...]:
        """This net and the bodies of its control-flow ops, outermost first."""
        return (self, *(inner for op in self.ops for body in op.bodies for inner in body.nets()))


def opset(net: Net) -> int:
    """The version of ONNX's own operators that a model uses; the newest where it does not say."""
    return net.opsets.get("", onnx.defs.onnx_opset_version())
