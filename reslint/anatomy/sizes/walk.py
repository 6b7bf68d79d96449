"""One walk through a net: the sizes of all tensors at all assignments, and where inputs don't fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import NodeProto

from reslint.anatomy.sizes.bodies import BODIES
from reslint.anatomy.sizes.call import Call, Failure, Formula, Stretch
from reslint.anatomy.sizes.extent import (
    NOTHING,
    UNKNOWN,
    Column,
    Extent,
    Extents,
    Interner,
    Mask,
    Numbers,
    Tensor,
    is_unknown,
)
from reslint.anatomy.sizes.formulas.elementwise import ELEMENTWISE
from reslint.anatomy.sizes.formulas.layers import LAYERS
from reslint.anatomy.sizes.formulas.layout import LAYOUT
from reslint.anatomy.sizes.formulas.windows import WINDOWS
from reslint.anatomy.sizes.numbers import MOST, computed, shape_numbers
from reslint.net import Net, Op
from reslint.net.values import opset
from reslint.net.weights import array

FORMULAS: Mapping[str, Formula] = {**ELEMENTWISE, **LAYOUT, **WINDOWS, **LAYERS, **BODIES}

_DEEPEST = 64  # constants that are made of constants
_NUMBERS = frozenset({float})
_SHAPE_ONLY = frozenset({"Shape", "Size"})


class Walk:
    """The sizes of a net's tensors at `columns` assignments of numbers to the symbols of its inputs.

    `alive` says at which assignments nothing has failed so far. An assignment fails once: what comes behind is not judged
    there, so that each failure is a first cause.
    """

    def __init__(self, net: Net, symbols: Mapping[str, Column], columns: int) -> None:
        self.columns = columns
        self.alive = np.ones(columns, np.bool_)
        self.empty = np.zeros(columns, np.bool_)
        self.failures: list[Failure] = []
        self.stretched: list[Stretch] = []
        self.reached = np.full(columns, len(net.ops), np.int64)
        self.symbols = symbols
        self._version = opset(net)
        self._tensors: dict[str, Tensor] = {}
        self._constants: dict[str, Numbers | None] = {}
        self._alias: dict[str, str] = {}
        self._interner = Interner()
        self._inside = 0
        self._depth = 0
        self._place = 0

    def run(self, net: Net, given: Mapping[str, Extents]) -> None:
        """Walk a net, with the shapes of its inputs."""
        for name, extents in given.items():
            self._tensors[name] = self._settled(Tensor(extents))
        for place, op in enumerate(net.ops):
            self._place = place
            self._step(net, op)

    def _step(self, net: Net, op: Op) -> None:
        made = self._made(net, op)
        for at, name in enumerate(op.outputs):
            if name:
                self._tensors[name] = made[at] if at < len(made) else NOTHING

    def _made(self, net: Net, op: Op) -> Sequence[Tensor]:
        formula = FORMULAS.get(op.kind)
        if formula is None:
            return [self._declared(net, name) for name in op.outputs]
        with np.errstate(all="ignore"):
            made = formula(Call(self, net, op, self._version))
        numbers = self._computed(net, op) if len(op.outputs) == 1 else None
        if numbers is not None and made:
            made = [Tensor(made[0].extents, numbers)]
        return [self._settled(tensor) for tensor in made]

    def _computed(self, net: Net, op: Op) -> Numbers | None:
        if op.type in _SHAPE_ONLY and not op.domain:
            return shape_numbers(op, self.tensor(net, op.inputs[0]).extents, self.columns)
        data = [name for name in op.inputs if name and not net.is_constant(name)]
        if any(self.tensor(net, name).numbers is None for name in data):
            return None
        given = [self.numbers(net, name) if name else None for name in op.inputs]
        if any(g is None for g, name in zip(given, op.inputs, strict=True) if name):
            return None
        return computed(net, op, given)

    def _settled(self, tensor: Tensor) -> Tensor:
        extents = tensor.extents
        if extents is None or _NUMBERS.issuperset(map(type, extents)):
            return tensor
        return tensor._replace(extents=tuple([self._interner.settle(d) for d in extents]))

    def _declared(self, net: Net, name: str) -> Tensor:
        """What inference and the file say of an op that has no formula: numbers, and the inputs' own symbols."""
        shape = net.shape(name) if name else None
        return NOTHING if shape is None else Tensor(tuple(self._dim(d) for d in shape))

    def _dim(self, dim: int | str | None) -> Extent:
        return float(dim) if isinstance(dim, int) else self.symbols.get(dim or "", UNKNOWN)

    def tensor(self, net: Net, name: str) -> Tensor:
        """What is known of a tensor, of those around a body as well."""
        found = self._tensors.get(name) or self._tensors.get(self._alias.get(name, name))
        if found is None:
            found = self._fixed(net, name) if net.is_constant(name) else NOTHING
            self._tensors[name] = found
        return found

    def _fixed(self, net: Net, name: str) -> Tensor:
        """A constant; one that is computed and of which inference says nothing is worked out as everything else is."""
        declared = self._declared(net, name)
        known = declared.extents is not None and not any(is_unknown(d) for d in declared.extents)
        return declared if known else self._worked_out(net, name) or declared

    def _worked_out(self, net: Net, name: str) -> Tensor | None:
        node = net.constants.get(name) or (net.outer or {}).get(name)
        if not isinstance(node, NodeProto) or not node.input or self._depth > _DEEPEST:
            return None
        given, made = tuple(net.canonical(i) for i in node.input), tuple(node.output)
        self._depth += 1
        self._step(net, Op(node, 0, node.op_type, node.domain, given, made, id=made[0]))
        self._depth -= 1
        return self._tensors[name]

    def numbers(self, net: Net, name: str) -> Numbers | None:
        """The elements of a small tensor."""
        found = self.tensor(net, name).numbers
        if found is None and net.is_constant(name):
            if name not in self._constants:
                read = _constant(net, name)
                worked = self._worked_out(net, name) if read is None else None
                self._constants[name] = read if worked is None else worked.numbers
            found = self._constants[name]
        return found

    def settled(self, extent: Extent) -> Extent:
        """The one object that stands for an extent."""
        return self._interner.settle(np.ascontiguousarray(extent) if isinstance(extent, np.ndarray) else extent)

    def fails(self, failure: Failure) -> None:
        """Note where inputs don't fit, at assignments where nothing failed before."""
        at = failure.at & self.alive
        if self._inside == 0 and at.any():
            self.failures.append(failure._replace(at=at))
            self.alive = self.alive & ~at
            self.reached[at] = self._place

    def empties(self, at: Mask) -> None:
        """Note assignments at which a window is larger than the map that it lies on, which may run, and means nothing."""
        self.empty = self.empty | at

    def loses(self, at: Mask) -> None:
        """Give up assignments of which nothing more can be known."""
        self.alive = self.alive & ~at
        self.reached[at] = np.minimum(self.reached[at], self._place)

    def stretches(self, stretch: Stretch) -> None:
        """Note where one side is stretched at some sizes only."""
        if self._inside == 0:
            self.stretched.append(stretch)

    def body(self, op: Op, body: Net, given: Sequence[Tensor], *, judged: bool = False) -> Sequence[Tensor]:
        """The outputs of a body. What fails inside is noted only where the body is known to run (`judged`)."""
        self._inside += not judged
        self._alias.update(body.alias)
        for name, tensor in zip(body.inputs, given, strict=False):
            self._tensors[name] = tensor
        for inner in body.ops:
            self._step(body, inner)
        self._inside -= not judged
        return [self.tensor(body, body.canonical(name)) for name in body.outputs]


def _constant(net: Net, name: str) -> Numbers | None:
    size = net.value(name).size
    found = array(net, name, MOST) if size is None or size <= MOST else None
    if found is None or found.dtype.kind not in "iufb":
        return None
    return found.astype(np.float64).reshape(1, *found.shape)
