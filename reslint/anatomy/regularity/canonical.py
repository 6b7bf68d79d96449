"""What a segment computes, written so that equal texts mean equal computations: a shape without numbers, and the numbers.

The shape is a hash of the segment's graph from its merge upwards: op types, which input comes from where, which output of an
op is used; inputs of commutative ops are sorted. The numbers (slots) are what may differ between blocks of one shape:
attributes, small constants, the shapes of weights, which stream or which shared tensor is read. Names play no part.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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


class Input(NamedTuple):
    """An input of an op: its place, its name, the op of the same segment that makes it if one does, and how it comes in."""

    at: int
    name: str
    made: Op | None
    edge: Edge


@dataclass(slots=True)
class Describer:
    """Describes the segments of a cut; equal shapes have equal numbers across all of them.

    `inputs` are those of each op, by its first output, in canonical order: an op belongs to one segment, and asks once.
    """

    cut: Cut
    numbers: dict[object, int] = field(default_factory=dict)
    constants: dict[str, tuple[object, ...]] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, list[Input]] = field(default_factory=dict)

    def describe(self, number: int) -> Description:
        """The description of one segment; those before it must have been described before."""
        end = self.cut.ends[number]
        for op, made in self._upwards(number, end):
            read = [self._input(at, name, made[at]) for at, name in enumerate(op.inputs)]
            if op.type in _COMMUTATIVE:
                read.sort(key=_edge)
            self.inputs[op.id] = read
            key = (op.kind, len(op.outputs), tuple([i.edge for i in read]))
            self.shapes[op.id] = self.numbers.setdefault(key, len(self.numbers))
        slots, ops = self._slots(number, end)
        return Description(self.shapes[end.id], slots, {op: self.shapes[op.id] for op in ops})

    def _inner(self, number: int, name: str) -> Op | None:
        """The op of this segment that makes a tensor, None where it comes from outside."""
        op = self.cut.net.producer.get(name)
        if op is None or self.cut.owner.get(op.id) != number or self.cut.is_boundary(op):
            return None
        return op if self.cut.net.is_data(name) else None

    def _input(self, at: int, name: str, made: Op | None) -> Input:
        if made is not None:
            return Input(at, name, made, ("op", self.shapes[made.id], made.outputs.index(name)))
        return Input(at, name, None, (self._comes_from(name), 0, 0))

    def _comes_from(self, name: str) -> str:
        """How a tensor comes in that the segment does not make."""
        net, cut = self.cut.net, self.cut
        if not name:
            return "none"
        if net.is_constant(name):
            return "constant"
        if not net.is_data(name):
            return "static"
        if name in cut.inputs:
            return "stream"
        made = net.producer.get(name)
        if made is None or cut.owner.get(made.id, SHARED) == SHARED and not cut.is_boundary(made):
            return "input"
        return "stream"

    def _upwards(self, number: int, end: Op) -> Iterator[tuple[Op, list[Op | None]]]:
        """The ops of a segment, each behind those that it reads, with which of them make its inputs."""
        todo: list[tuple[Op, list[Op | None] | None]] = [(end, None)]
        seen: set[str] = set()
        while todo:
            op, ready = todo.pop()
            if ready is not None:
                yield op, ready
            elif op.id not in seen:
                seen.add(op.id)
                made = [self._inner(number, name) for name in op.inputs]
                todo.append((op, made))
                todo += [(one, None) for one in made if one is not None]

    def _slots(self, number: int, end: Op) -> tuple[tuple[Slot, ...], Iterable[Op]]:
        """The slots of a segment, from the merge upwards, and its ops in that order."""
        order: dict[str, int] = {}
        ops: list[Op] = []
        slots: list[Slot] = []
        todo = [end]
        while todo:
            op = todo.pop()
            if op.id in order:
                continue
            order[op.id] = len(order)
            ops.append(op)
            slots.append(Slot(op, What.ATTRIBUTE, "", _attributes(op)))
            for read in self.inputs[op.id]:
                if read.made is not None:
                    todo.append(read.made)
                    slots.append(Slot(op, What.INNER, str(read.at), order.get(read.made.id)))
                elif read.name:
                    slots.append(self._outside(number, op, read))
        return tuple(slots), ops

    def _outside(self, number: int, op: Op, read: Input) -> Slot:
        net, cut, at, name = self.cut.net, self.cut, str(read.at), read.name
        kind, _, _ = read.edge
        if kind == "constant":
            if name not in self.constants:
                self.constants[name] = _constant(net, name)
            known = self.constants[name]
            return Slot(op, What.CONSTANT if known[2] is not None else What.WEIGHT, at, known, name)
        if kind == "static":
            return Slot(op, What.STATIC, at, _known_shape(net, op.id))
        made = net.producer.get(name)
        if kind == "input":
            return Slot(op, What.READ, at, name)
        if name in cut.inputs or made is None:
            return Slot(op, What.STREAM, at, (cut.depth[number] + 1, -1, 0), name)
        boundary = cut.is_boundary(made)
        place = cut.at.get(made.id, cut.owner.get(made.id, SHARED)) if made.id not in cut.starts else SHARED
        back = cut.depth[number] - (cut.depth[place] if place != SHARED else -1)
        inside = -1 if boundary else self.shapes.get(made.id, -2)
        return Slot(op, What.STREAM, at, (back, inside, made.outputs.index(name)), name)


def _edge(read: Input) -> Edge:
    return read.edge


def _attributes(op: Op) -> tuple[tuple[str, bytes], ...]:
    """An op's attributes as bytes, without bodies and tables."""
    found = [(a.name, a.SerializeToString(deterministic=True)) for a in op.proto.attribute if a.type not in _BODIES]
    return tuple(sorted(found))


def _constant(net: Net, name: str) -> tuple[object, ...]:
    """Type, shape and, of small ones, the values of a constant."""
    held = net.constants.get(name)
    if isinstance(held, TensorProto):
        dims: tuple[object, ...] | None = tuple(held.dims)
        kind = held.data_type
    else:
        dims, kind = net.value(name).shape, net.value(name).type
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
