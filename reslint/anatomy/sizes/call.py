"""An op at work: what it reads, with sizes, and where its inputs turn out not to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from reslint.anatomy.sizes.extent import UNKNOWN, Extent, Extents, Mask, Meeting, Numbers, Tensor, broadcast, equal
from reslint.net import Net, Op


class Kind(StrEnum):
    """What does not fit where an op fails."""

    SUM = "sum"  # two sides of an elementwise op
    CONCAT = "concat"  # two terms of a concatenation, on another axis than the one they are joined on
    PRODUCT = "product"  # what a layer reads, and its weights
    RESHAPE = "reshape"  # as many elements as the new shape has
    SPLIT = "split"  # as many positions as the parts have
    SMALL = "small"  # nothing is left of an axis


class Failure(NamedTuple):
    """Where the inputs of an op don't fit. `sides` are the extents that should be equal, `names` the tensors that have them.

    `axis` counts in the result; `at` says for each assignment whether it fails.
    """

    net: Net
    op: Op
    kind: Kind
    axis: int
    sides: tuple[Extent, Extent]
    names: tuple[str, str]
    at: Mask


class Stretch(NamedTuple):
    """Where one side of an elementwise op is stretched over an axis, at those assignments only."""

    net: Net
    op: Op
    axis: int
    sides: tuple[Extent, Extent]
    at: Mask


class Known(Protocol):
    """What a walk knows so far."""

    columns: int

    def tensor(self, net: Net, name: str) -> Tensor: ...

    def numbers(self, net: Net, name: str) -> Numbers | None: ...

    def settled(self, extent: Extent) -> Extent: ...

    def fails(self, failure: Failure) -> None: ...

    def stretches(self, stretch: Stretch) -> None: ...

    def empties(self, at: Mask) -> None: ...

    def loses(self, at: Mask) -> None: ...

    def body(self, op: Op, body: Net, given: Sequence[Tensor], *, judged: bool = False) -> Sequence[Tensor]: ...


class Call:
    """One op of a net and what is known of its inputs."""

    __slots__ = ("known", "net", "op", "version")

    def __init__(self, known: Known, net: Net, op: Op, version: int) -> None:
        self.known, self.net, self.op, self.version = known, net, op, version

    def has(self, at: int) -> bool:
        """Whether the op has an input number `at`."""
        return at < len(self.op.inputs) and self.op.inputs[at] != ""

    def name(self, at: int) -> str:
        """The tensor that is input number `at`."""
        return self.op.inputs[at] if at < len(self.op.inputs) else ""

    def extents(self, at: int = 0) -> Extents | None:
        """The shape of an input, None where its rank is unknown."""
        return self.known.tensor(self.net, self.op.inputs[at]).extents if self.has(at) else None

    def numbers(self, at: int) -> Numbers | None:
        """The elements of an input, None where they are many or unknown."""
        return self.known.numbers(self.net, self.op.inputs[at]) if self.has(at) else None

    def listed(self, at: int) -> tuple[Extent, ...] | None:
        """The elements of an input of one axis, or of none."""
        found = self.numbers(at)
        if found is None:
            return None
        flat = found.reshape(found.shape[0], -1)
        if len(flat) == 1:
            return tuple(map(float, flat[0]))
        return tuple(self.known.settled(flat[:, k]) for k in range(flat.shape[1]))

    def integers(self, attribute: str, at: int) -> tuple[int, ...] | None:
        """Integers that are an attribute in old opsets and an input in new ones; None where absent or not the same always."""
        given = self.op.integers(attribute)
        if given is not None:
            return given
        found = self.listed(at)
        if found is None or not all(isinstance(v, float) and v == v for v in found):
            return None
        return tuple(int(v) for v in found if isinstance(v, float))

    def same(self, at: int = 0) -> list[Tensor]:
        """The shape of an input again."""
        return [Tensor(self.extents(at))]

    def must(
        self, kind: Kind, one: Extent, other: Extent, axis: int = 0, names: tuple[str, str] | None = None
    ) -> Extent:
        """Two extents that must be equal; where they are not, the op fails."""
        return self._met(kind, equal(one, other), one, other, axis, names)

    def meet(self, one: Extent, other: Extent, axis: int, names: tuple[str, str]) -> Extent:
        """Two extents of an elementwise op, of which one may be 1."""
        return self._met(Kind.SUM, broadcast(one, other), one, other, axis, names)

    def _met(
        self, kind: Kind, met: Meeting, one: Extent, other: Extent, axis: int, names: tuple[str, str] | None
    ) -> Extent:
        result = met.extent
        if met.fails is not False and np.any(met.fails):
            at = self.at(met.fails)
            self.known.fails(Failure(self.net, self.op, kind, axis, (one, other), names or self._names(), at))
            result = np.where(at, UNKNOWN, result)
        if met.stretches is not False and met.stretches is not True and met.stretches.any():
            self.known.stretches(Stretch(self.net, self.op, axis, (one, other), met.stretches))
        return result

    def needs(self, kind: Kind, sound: Mask | bool | np.bool_, one: Extent, other: Extent, axis: int = 0) -> None:
        """The op fails where this is not so; `one` and `other` are what the message shows."""
        if not np.all(sound):
            at = self.at(np.logical_not(sound))
            self.known.fails(Failure(self.net, self.op, kind, axis, (one, other), self._names(), at))

    def fills(self, count: Extent, one: Extent, other: Extent, axis: int) -> None:
        """Something must be left of an axis."""
        self.needs(Kind.SMALL, np.logical_not(np.less(count, 1)), one, other, axis)

    def at(self, mask: Mask | bool | np.bool_) -> Mask:
        """A mask for all assignments."""
        return np.broadcast_to(np.asarray(mask, np.bool_), (self.known.columns,))

    def _names(self) -> tuple[str, str]:
        return self.name(0), self.name(1)

    def spread(self, shapes: Sequence[Extents | None], names: Sequence[str]) -> Extents | None:
        """The shape to which shapes are broadcast together, None where a rank is unknown."""
        known = [(s, n) for s, n in zip(shapes, names, strict=True) if s is not None]
        if len(known) < len(shapes) or not known:
            return None
        total, first = known[0]
        for shape, name in known[1:]:
            total = self._spread(total, shape, (first, name)) if shape is not total else total
        return total

    def _spread(self, one: Extents, other: Extents, names: tuple[str, str]) -> Extents:
        rank = max(len(one), len(other))
        one = (1.0,) * (rank - len(one)) + one
        other = (1.0,) * (rank - len(other)) + other
        return tuple(
            [
                d if d is e or isinstance(e, float) and e == 1 else self.meet(d, e, axis, names)
                for axis, (d, e) in enumerate(zip(one, other, strict=True))
            ]
        )


Formula = Callable[[Call], Sequence[Tensor]]
"""What an op makes of what it reads: one Tensor for each output; those that are left out are unknown."""
