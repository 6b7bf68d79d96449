"""What a run showed of the values inside a model: its stream at each block, its outputs, and where they went wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block
from reslint.net import Net, Op


@dataclass(frozen=True, slots=True)
class Range:
    """What a tensor held over all runs, in the units of the model's own values."""

    peak: float
    """The largest magnitude; NaN or infinity where an element was."""
    square: float
    """The mean of the squares."""
    mean: float = 0.0
    """The mean."""
    lost: float = 0.0
    """The share, from 0 to 1, of the nonzero elements that half precision takes for zero."""
    shape: tuple[int, ...] = ()
    """The shape in the first run."""
    steady: bool | None = None
    """Whether all runs, on different inputs, gave the same; None where there was one."""

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
    """A residual block as it ran."""

    block: Block
    """The block."""
    shortcut: Range
    """What the merge read from the shortcut."""
    branch: Range
    """What the merge read from the branch."""
    merged: Range
    """What the merge made of them."""
    cosine: float | None = None
    """The cosine between what goes into the block and what comes out, from -1 to 1; None where their shapes differ."""

    @property
    def ratio(self) -> float:
        """How much the branch adds to its stream."""
        return self.branch.rms / self.shortcut.rms if self.shortcut.rms else math.inf


@dataclass(frozen=True, slots=True)
class Squared:
    """What a decomposed normalization squares, as it ran."""

    net: Net
    """The net that holds it."""
    op: Op
    """The op that squares."""
    range: Range
    """What it reads."""


@dataclass(frozen=True, slots=True)
class Exit:
    """An output of the model as it ran."""

    name: str
    """The output's name."""
    op: Op
    """The op that makes it."""
    range: Range
    """What it held."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a weight holds that it should not."""

    name: str
    """The tensor's name."""
    op: Op
    """The first op that uses it as a weight."""
    nan: int
    """How many of its numbers are NaN."""
    infinite: int
    """How many are infinite."""
    peak: float
    """Its largest finite magnitude."""
    zero_rows: int
    """How many of the layer's outputs have a weight of all zeros."""
    rows: int
    """How many outputs the layer has; 0 where that has no meaning."""


@dataclass(frozen=True, slots=True)
class Nonfinite:
    """The op that makes the first NaN or infinity out of finite inputs."""

    net: Net
    """The net that holds it."""
    op: Op
    """The op."""
    what: str
    """`NaN` or `infinity`."""
    constant: str
    """The constant that held it already; empty where the op computes it."""
    reaches: str
    """The first output that is not finite."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The first op that overflowed where the result of each was rounded to a narrower type."""

    net: Net
    """The net that holds it."""
    op: Op
    """The op."""
    peak: float
    """The largest magnitude of its result before it was rounded."""
    type: str
    """The type, such as `float16`."""
    harms: bool
    """Whether outputs suffer."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The stream of a model at each residual merge that can be tapped, and its outputs."""

    anatomy: Anatomy
    """The model."""
    taps: tuple[Tap, ...]
    """The blocks as they ran, in topological order."""
    squares: tuple[Squared, ...] = ()
    """What decomposed normalizations square."""
    nonfinite: Nonfinite | None = None
    """Where the first NaN or infinity came from; None where there was none."""
    half: bool = False
    """Whether it is to be held to half precision's range."""
    made_up: bool = False
    """Whether weights were missing and were filled with random numbers."""
    exits: tuple[Exit, ...] = ()
    """The outputs of the model."""
    overflow: Overflowed | None = None
    """The first overflow in a narrower type; None where there was none, or nobody asked."""
    weights: tuple[Weight, ...] = ()
    """The weights that hold what they should not."""

    @property
    def untapped(self) -> int:
        """The blocks that could not be tapped: those in bodies, concatenations, and sums inside ops that do more."""
        return len(self.anatomy.blocks) - len(self.taps)
