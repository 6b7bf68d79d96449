"""How far two runs that should give the same are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from reslint.anatomy import Anatomy, Block

SAVED = "the saved outputs"
"""What a model is compared with where that is no model."""

_SILENCE = 200.0  # dB, beyond what float32 can tell: equal
_NEIGHBOURS = 3  # fewer blocks say nothing on what is usual
_STANDS_OUT = 10.0  # dB below the median of the others: rules/block-error.md says what one wrong scale costs
_SPREAD = 4.0  # times the median distance from it
_COARSEST = 38.0  # dB of a stream that is stored in eight bits
_BELOW = 10.0  # dB that a type's tolerance, which is for the worst element, lies below its noise


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
    `strings` counts those that differ, None where an output holds numbers. `decided` is there where only ties that fell
    otherwise make the difference: the share of the deciding op's elements that did.
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
    decided: float | None = None

    @property
    def reshaped(self) -> bool:
        """Whether the two have different shapes, so that there is no element to compare."""
        return math.isinf(self.absolute) and math.isnan(self.got) and math.isnan(self.wanted)

    @property
    def agrees(self) -> bool:
        """Whether the difference stays within the tolerance; beside an all-zero reference it is absolute."""
        if self.decided is not None:
            return True
        if self.beyond is not None:
            return not self.beyond.count
        if self.strings is not None:
            return not self.strings
        return (
            self.absolute <= self.rounding
            or (self.absolute if self.relative is None else self.relative) <= self.tolerance
        )


@dataclass(frozen=True, slots=True)
class Noise:
    """How much of one block's stream is noise, in dB: infinite where nothing differs, None where that is not known.

    `snr` is the power of the reference's stream over that of the difference, as the two runs went. `own` is what the block
    alone gets wrong, fed with the reference's stream: the power of the reference's branch over that of the difference.
    `above` is how far the stream's power lies above the branch's: to store the sum costs more where a branch is small.
    """

    block: Block
    snr: float | None
    own: float | None = None
    above: float = 0.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two runs that should give the same: `against` is what the model was compared with.

    `parts` is the first block whose stream differs, `before` the number of blocks whose streams agree and that come before
    it, or of all where it is None; both are None where that is not known. `blocks` is the noise of each block that was
    compared, in order. `lost` are the blocks of the reference that have no partner. `matched` are inputs and outputs of the
    model with the names that the reference has for them, where these differ.
    """

    anatomy: Anatomy
    against: str
    differences: tuple[Difference, ...]
    parts: Block | None = None
    before: int | None = None
    blocks: tuple[Noise, ...] = ()
    lost: tuple[Block, ...] = ()
    matched: tuple[tuple[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether all outputs do."""
        return all(d.agrees for d in self.differences)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The blocks that lose far more than their neighbours."""
        tolerance = max((d.tolerance for d in self.differences), default=0.0)
        return tuple(_faults(self.blocks, max(-20 * math.log10(tolerance) + _BELOW, _COARSEST))) if tolerance else ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A block that loses far more than its neighbours: what it has, and what they have in the median, both in dB.

    That is its own signal-to-noise ratio where it was run `alone`, else how far the stream's falls, below zero.
    """

    block: Block
    has: float
    others: float
    alone: bool


def _faults(noises: Sequence[Noise], most: float) -> Iterator[Fault]:
    """Blocks whose noise stands out, and is above what storing the stream costs: its ratio there is below `most`."""
    alone = any(n.own is not None for n in noises)
    levels = tuple(_alone(noises) if alone else _drops(noises))
    for at, (noise, level, stream) in enumerate(levels):
        others = [other for k, (_, other, _) in enumerate(levels) if k != at]
        if len(others) < _NEIGHBOURS or stream > most:
            continue
        middle = median(others)
        spread = _SPREAD * median(abs(other - middle) for other in others)
        if middle - level > max(_STANDS_OUT, spread):
            yield Fault(noise.block, level, middle, alone)


def _alone(noises: Sequence[Noise]) -> Iterator[tuple[Noise, float, float]]:
    """Each block's own ratio, and the same beside the whole stream."""
    yield from ((n, min(n.own, _SILENCE), n.own + n.above) for n in noises if n.own is not None)


def _drops(noises: Sequence[Noise]) -> Iterator[tuple[Noise, float, float]]:
    """How far the stream's ratio falls at each block, below zero, and that ratio."""
    for before, n in pairwise(noises):
        if before.snr is not None and n.snr is not None and math.isfinite(before.snr):
            yield n, min(n.snr - before.snr, 0.0), n.snr


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
