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
class Latency:
    """How long a model took, in milliseconds. `intervals` hold each percentile at 95 percent, `shares` are of the time."""

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
