"""Where a model ran, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from reslint.anatomy import Anatomy, Block
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model's nodes ran: those that another provider took than the one asked for, with its name; `nodes` counts all."""

    anatomy: Anatomy
    provider: str
    elsewhere: tuple[tuple[Op, str], ...]
    nodes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much slower a model is than its reference, run in turns: the median ratio and its 95 percent interval.

    `most` is how much slower it may be.
    """

    against: str
    median: float
    low: float
    high: float
    most: float = math.inf

    @property
    def decision(self) -> str:
        """`slower` or `not slower` where the whole interval says so, else `undecided`."""
        return "slower" if self.low > self.most else "not slower" if self.high <= self.most else "undecided"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a model's time a block takes; `rest` says in words what it is where there is no block."""

    block: Block | None
    rest: str
    share: float


@dataclass(frozen=True, slots=True)
class Start:
    """What a session costs before it is warm: milliseconds to make it and for its first run, and the most memory, in bytes."""

    session: float
    first: float
    memory: int


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a model took, in milliseconds.

    `intervals` hold each percentile at 95 percent, `shares` are of the time. `where` is the machine in words: processor,
    driver, versions, clocks, and the sizes that were fed.
    """

    anatomy: Anatomy
    provider: str
    threads: int
    runs: int
    p50: float
    p90: float
    p95: float
    p99: float
    ratio: Ratio | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    start: Start | None = None

    def beside(self, name: str, limit: float) -> str:
        """How a percentile lies to its budget: `over` or `within` where the whole interval does, else `undecided`."""
        value = {"p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}[name]
        low, high = self.intervals.get(name, (value, value))
        return "over" if low > limit else "within" if high <= limit else "undecided"
