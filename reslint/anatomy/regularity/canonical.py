"""What a segment computes, written so that equal texts mean equal computations: a shape without numbers, and the numbers.

The shape is a hash of the segment's graph from its merge upwards: op types, which input comes from where, which output of an
op is used; inputs of commutative ops are sorted. The numbers (slots) are what may differ between blocks of one shape:
attributes, small constants, the shapes of weights, which stream or which shared tensor is read. Names play no part.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from onnx import AttributeProto, TensorProto

from reslint.anatomy.regularity.segments import SHARED, Cut
from reslint.net import Net, Op
from reslint.net.weights import array

_COMMUTATIVE = frozenset({"Add", "Mul", "Sum", "Max", "Min", "Mean", "And", "Or", "Xor", "Equal"})
_FEW = 64  # elements of a constant whose values count; more are a weight or a table
_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Softmax", "Einsum", "LSTM", "GRU", "RNN"})
_BODIES = (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR, AttributeProto.TENSORS)


class What(StrEnum):
    """What a slot holds: an op's attributes, or what one of its inputs is."""

    STREAM = "stream"
    """What a block has made: how many merges back, inside of it or its sum, and which output."""
    ATTRIBUTE = "attribute"
    READ = "read"
    """An input of the net, or what several blocks read and no stream flows into."""
    CONSTANT = "constant"
    WEIGHT = "weight"
    """A constant of many elements, of which only type and shape count, and who else reads it."""
    STATIC = "static"
    INNER = "inner"
    """What the block itself has computed, by its number."""


class Slot(NamedTuple):
    """A number or a tensor that a block may have of its own: at which op, what it is, which (input or attribute), its value.

    `also` is a second way to say the same: the stream two merges back may be the encoder's last for all blocks of a decoder.
    Of a weight it is its name.
    """

    op: Op
    what: What
    at: str
    value: object
    also: object = None


@dataclass(frozen=True)
class Description:
    """A segment's shape, its slots in canonical order, and the shape of each of its ops."""

    shape: int
    slots: tuple[Slot, ...]
    shapes: Mapping[Op, int]

    @property
    def values(self) -> tuple[object, ...]:
        """What the slots hold."""
        return tuple([slot.value for slot in self.slots])

    @cached_property
    def layers(self) -> tuple[tuple[str, int], ...]:
        """The same of the ops that make a layer what it is: products, convolutions, softmax."""
        return tuple(sorted((kind, n) for kind, n in self.kinds.items() if kind in _LAYERS))

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many ops of each type it has."""
        return Counter(op.type for op in self.shapes)


Edge = tuple[str, int, int]
"""How an input comes in: its kind, the shape of what makes it, and which output of that is read."""


@dataclass(slots=True)
class Describer:
    """Describes the segments of a cut; equal shapes have equal numbers across all of them."""

    cut: Cut
    numbers: dict[object, int] = field(default_factory=dict)
    constants: dict[str, tuple[object, ...]] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)

    def describe(self, number: int) -> Description:
        """The description of one segment; those before it must have been described before."""
        end = self.cut.ends[number]
        for op in self._upwards(number, end):
            edges = [self.edge(number, name) for name in op.inputs]
            ordered = sorted(edges) if op.type in _COMMUTATIVE else edges
            key = (op.kind, len(op.outputs), tuple(ordered))
            self.shapes[op.id] = self.numbers.setdefault(key, len(self.numbers))
        slots = tuple(self._slots(number, end))
        own = {op: self.shapes[op.id] for op in dict.fromkeys(slot.op for slot in slots)}
        return Description(self.shapes[end.id], slots, own)

    def children(self, number: int, op: Op) -> list[tuple[int, str]]:
        """The inputs of an op with their places, in canonical order."""
        inputs = list(enumerate(op.inputs))
        return sorted(inputs, key=lambda i: self.edge(number, i[1])) if op.type in _COMMUTATIVE else inputs

    def inner(self, number: int, name: str) -> Op | None:
        """The op of this segment that makes a tensor, None where it comes from outside."""
        if not self.cut.net.is_data(name):
            return None
        op = self.cut.net.producer.get(name)
        if op is None or self.cut.is_boundary(op) or self.cut.owner.get(op.id) != number:
            return None
        return op

    def edge(self, number: int, name: str) -> Edge:
        """How an input of a segment's op comes in."""
        net = self.cut.net
        if not name:
            return "none", 0, 0
        if net.is_constant(name):
            return "constant", 0, 0
        if not net.is_data(name):
            return "static", 0, 0
        op = self.inner(number, name)
        if op is not None:
            return "op", self.shapes[op.id], op.outputs.index(name)
        made = net.producer.get(name)
        if name in self.cut.inputs:
            return "stream", 0, 0
        if made is None or self.cut.owner.get(made.id, SHARED) == SHARED and not self.cut.is_boundary(made):
            return "input", 0, 0
        return "stream", 0, 0

    def _upwards(self, number: int, end: Op) -> Iterator[Op]:
        """The ops of a segment, each behind those that it reads."""
        todo: list[tuple[Op, bool]] = [(end, False)]
        seen: set[str] = set()
        while todo:
            op, ready = todo.pop()
            if ready:
                yield op
            elif op.id not in seen:
                seen.add(op.id)
                todo.append((op, True))
                todo += [(made, False) for name in op.data if (made := self.inner(number, name)) is not None]

    def _slots(self, number: int, end: Op) -> Iterator[Slot]:
        """The slots of a segment, from the merge upwards."""
        order: dict[str, int] = {}
        todo = [end]
        while todo:
            op = todo.pop()
            if op.id in order:
                continue
            order[op.id] = len(order)
            yield Slot(op, What.ATTRIBUTE, "", _attributes(op))
            for at, name in self.children(number, op):
                made = self.inner(number, name)
                if made is not None:
                    todo.append(made)
                    yield Slot(op, What.INNER, str(at), order.get(made.id))
                elif name:
                    yield self._outside(number, op, at, name)

    def _outside(self, number: int, op: Op, at: int, name: str) -> Slot:
        net, cut = self.cut.net, self.cut
        if net.is_constant(name):
            if name not in self.constants:
                self.constants[name] = _constant(net, name)
            known = self.constants[name]
            return Slot(op, What.CONSTANT if known[2] is not None else What.WEIGHT, str(at), known, name)
        if not net.is_data(name):
            return Slot(op, What.STATIC, str(at), _known_shape(net, op.id))
        made = net.producer.get(name)
        if name in cut.inputs:
            return Slot(op, What.STREAM, str(at), (cut.depth[number] + 1, -1, 0), name)
        if made is None or self.edge(number, name)[0] == "input":
            return Slot(op, What.READ, str(at), name)
        boundary = cut.is_boundary(made)
        place = cut.at.get(made.id, cut.owner.get(made.id, SHARED)) if made.id not in cut.starts else SHARED
        back = cut.depth[number] - (cut.depth[place] if place != SHARED else -1)
        inside = -1 if boundary else self.shapes.get(made.id, -2)
        return Slot(op, What.STREAM, str(at), (back, inside, made.outputs.index(name)), name)


def _attributes(op: Op) -> tuple[tuple[str, bytes], ...]:
    """An op's attributes as bytes, without bodies and tables."""
    found = [(a.name, a.SerializeToString(deterministic=True)) for a in op.proto.attribute if a.type not in _BODIES]
    return tuple(sorted(found))


def _constant(net: Net, name: str) -> tuple[object, ...]:
    """Type, shape and, of small ones, the values of a constant."""
    value = net.value(name)
    held = net.constants.get(name)
    dims: tuple[object, ...] | None = value.shape
    kind = value.type
    if isinstance(held, TensorProto):
        dims, kind = tuple(held.dims), held.data_type
    size = math.prod([d for d in dims if isinstance(d, int)]) if dims is not None else 1
    whole = kind not in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
    if size > _FEW or not whole and size > 1:
        return kind, dims, None
    found = array(net, name, _FEW)
    return kind, dims, None if found is None else tuple(_rounded(v) for v in found.reshape(-1).tolist())


def _rounded(value: object) -> object:
    """A number to three digits: one author writes the square root of two, another 1.4142."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _known_shape(net: Net, name: str) -> object:
    shape = net.shape(name)
    return None if shape is None else tuple(d if isinstance(d, int) or d in net.symbols else None for d in shape)
