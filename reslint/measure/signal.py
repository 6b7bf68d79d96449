"""What a run showed of the values inside a model: its stream at each block, its outputs, and where they went wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block
from reslint.net import Net, Op


@dataclass(frozen=True, slots=True)
class Range:
    """What a tensor held over all runs: its largest magnitude, the mean of its squares and its mean.

    `lost` is the share of its nonzero elements that half precision takes for zero, `shape` is that of the first run, and
    `steady` says whether all runs, on different inputs, gave the same; None where there was one.
    """

    peak: float
    square: float
    mean: float = 0.0
    lost: float = 0.0
    shape: tuple[int, ...] = ()
    steady: bool | None = None

    @property
    def finite(self) -> bool:
        """Whether there was neither NaN nor infinity."""
        return math.isfinite(self.peak) and math.isfinite(self.square)

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return math.sqrt(self.square) if self.square >= 0 else math.nan

    @property
    def variance(self) -> float:
        """The mean square around the mean."""
        return max(self.square - self.mean * self.mean, 0.0) if self.finite else math.nan


@dataclass(frozen=True, slots=True)
class Tap:
    """A residual block as it ran: its shortcut, its branch, and what its merge made of them.

    `cosine` is that between what goes into the block and what comes out, None where the two have not the same shape.
    """

    block: Block
    shortcut: Range
    branch: Range
    merged: Range
    cosine: float | None = None

    @property
    def ratio(self) -> float:
        """How much the branch adds to its stream."""
        return self.branch.rms / self.shortcut.rms if self.shortcut.rms else math.inf


@dataclass(frozen=True, slots=True)
class Squared:
    """What a decomposed normalization squares, as it ran."""

    net: Net
    op: Op
    range: Range


@dataclass(frozen=True, slots=True)
class Exit:
    """An output of the model as it ran, and the op that makes it."""

    name: str
    op: Op
    range: Range


@dataclass(frozen=True, slots=True)
class Nonfinite:
    """The op that makes the first NaN or infinity out of finite inputs, and the constant that held it already, if one did."""

    net: Net
    op: Op
    what: str
    constant: str
    reaches: str


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The first op that overflowed where each was rounded to a type, what it gave before, and whether outputs suffer."""

    net: Net
    op: Op
    peak: float
    type: str
    harms: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """The stream of a model at each residual merge that can be tapped, and its outputs.

    `half` says that it is to be held to half precision's range, `made_up` that weights were missing and are no one's.
    """

    anatomy: Anatomy
    taps: tuple[Tap, ...]
    squares: tuple[Squared, ...] = ()
    nonfinite: Nonfinite | None = None
    half: bool = False
    made_up: bool = False
    exits: tuple[Exit, ...] = ()
    overflow: Overflowed | None = None

    @property
    def untapped(self) -> int:
        """The blocks that could not be tapped: those in bodies, concatenations, and sums inside ops that do more."""
        return len(self.anatomy.blocks) - len(self.taps)
