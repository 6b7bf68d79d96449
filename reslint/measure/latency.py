"""Where a model ran, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from reslint.anatomy import Anatomy, Block
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model's nodes ran."""

    anatomy: Anatomy
    """The model."""
    provider: str
    """The execution provider that was asked for."""
    elsewhere: tuple[tuple[Op, str], ...]
    """The ops that another provider took, each with that provider's name."""
    nodes: Mapping[str, int] = field(default_factory=dict)
    """How many nodes each provider took."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """How many connected parts of the graph each provider took."""
    copies: int = 0
    """How many times a tensor is copied from one device to the other."""
    share: float | None = None
    """The share of the time that other providers and copies take, from 0 to 1; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much slower a model is than its reference when the two run in turns."""

    against: str
    """The reference, as it was named."""
    median: float
    """The median of the model's time over the reference's; 1.2 is a fifth slower."""
    low: float
    """The lower end of the median's 95 percent interval."""
    high: float
    """The upper end of that interval."""
    most: float = math.inf
    """How much slower the model may be."""

    @property
    def decision(self) -> str:
        """`slower` or `not slower` where the whole interval says so, else `undecided`."""
        return "slower" if self.low > self.most else "not slower" if self.high <= self.most else "undecided"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a model's time a block takes."""

    block: Block | None
    """The block; None for what lies in no block."""
    rest: str
    """What it is in words where there is no block, else empty."""
    share: float
    """Its share of the time, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a session costs before it is warm."""

    session: float
    """How long it takes to make the session, in milliseconds."""
    first: float
    """How long its first run takes, in milliseconds."""
    memory: int
    """The most memory that the process held, in bytes."""


@dataclass(frozen=True, slots=True)
class Step:
    """How long a model took at one size of a dimension, or why it could not be run there."""

    dimension: str
    """The symbolic dimension."""
    size: int
    """Its size."""
    latency: Latency | None = None
    """How long the model took; None where it could not be run."""
    failed: str = ""
    """Why it could not be run; empty where it could."""

    @property
    def throughput(self) -> float:
        """How much of the dimension is done in a second: samples of a batch, tokens of a sequence."""
        return self.size * 1000 / self.latency.p50 if self.latency is not None else 0.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """A model timed at several sizes, each in a process of its own."""

    anatomy: Anatomy
    """The model."""
    provider: str
    """The execution provider on which it ran."""
    steps: tuple[Step, ...]
    """One for each size, in the order in which they were asked for."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a model took for one run."""

    anatomy: Anatomy
    """The model."""
    provider: str
    """The execution provider on which it ran."""
    threads: int
    """The number of threads that one op may use."""
    runs: int
    """The number of runs that were timed."""
    p50: float
    """The median time of a run, in milliseconds."""
    p90: float
    """The time, in milliseconds, within which 90 of 100 runs ended."""
    p95: float
    """The same for 95 of 100 runs."""
    p99: float
    """The same for 99 of 100 runs."""
    ratio: Ratio | None = None
    """How it compares with a reference; None where there is none."""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The 95 percent interval of each percentile by its name (`p50`), in milliseconds."""
    shares: tuple[Share, ...] = ()
    """How the time is shared among blocks; empty where nobody asked."""
    where: Mapping[str, str] = field(default_factory=dict)
    """The machine in words: processor, driver, versions, clocks, and the sizes that were fed."""
    start: Start | None = None
    """What the session cost before it was warm; None where that was not measured."""

    def beside(self, name: str, limit: float) -> str:
        """How a percentile lies to its budget: `over` or `within` where the whole interval does, else `undecided`."""
        value = {"p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}[name]
        low, high = self.intervals.get(name, (value, value))
        return "over" if low > limit else "within" if high <= limit else "undecided"
