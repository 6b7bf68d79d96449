"""How far two runs that should give the same are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block

SAVED = "the saved outputs"
"""What a model is compared with where that is no model."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Bounds on each element, absolute and relative to its reference, and how many of all are beyond them."""

    rtol: float
    atol: float
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one output is from what it should be: over all, and at its worst element.

    `relative` is the largest difference over the largest reference value, None where the reference is all zeros.
    `beyond` is there where each element was held to bounds of its own. An absolute difference up to `rounding` is none.
    `strings` counts those that differ, None where an output holds numbers.
    """

    output: str
    absolute: float
    relative: float | None
    tolerance: float
    worst: tuple[int, ...]
    got: float
    wanted: float
    cosine: float | None
    snr: float | None
    beyond: Beyond | None = None
    rounding: float = 0.0
    strings: int | None = None

    @property
    def reshaped(self) -> bool:
        """Whether the two have different shapes, so that there is no element to compare."""
        return math.isinf(self.absolute) and math.isnan(self.got) and math.isnan(self.wanted)

    @property
    def agrees(self) -> bool:
        """Whether the difference stays within the tolerance; beside an all-zero reference it is absolute."""
        if self.beyond is not None:
            return not self.beyond.count
        if self.strings is not None:
            return not self.strings
        return (
            self.absolute <= self.rounding
            or (self.absolute if self.relative is None else self.relative) <= self.tolerance
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two runs that should give the same: `against` is what the model was compared with.

    `parts` is the first block whose stream differs, `before` the number of blocks whose streams agree and that come before
    it, or of all where it is None; both are None where that is not known.
    """

    anatomy: Anatomy
    against: str
    differences: tuple[Difference, ...]
    parts: Block | None = None
    before: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether all outputs do."""
        return all(d.agrees for d in self.differences)


class Repeated(Agreement):
    """The same session on the same input, twice."""


class Optimized(Agreement):
    """With graph optimizations against without."""


class Referred(Agreement):
    """The model against a reference: saved outputs, or another model."""


class Narrowed(Referred):
    """In half precision, against float32."""


class Provided(Agreement):
    """On the provider that was asked for, against the CPU."""
