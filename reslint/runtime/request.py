"""What a run is asked for, and what it gives back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reslint.measure import Measurement
from reslint.net.values import Array
from reslint.runtime.agreement.compare import Tolerances
from reslint.runtime.launch.process import Limits
from reslint.runtime.protocol.job import Feed


def _silent(phase: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Module:
    """A PyTorch module that is the reference: what it gives on an input, in order, and what its parts at these paths give."""

    name: str
    run: Callable[[Feed, Sequence[str]], tuple[Sequence[Array], Mapping[str, Array]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run a model on, and how.

    `precision` is a narrower type to hold the model to, `rounded` asks for rounding to it after every op. `fill` is the seed
    of weights that are missing. `keep` is the ratio in dB for which ops to keep in float32 are looked for. `map` says which
    input or output of the reference ours is. `given` are options of the provider; without a `reference` it is not compared
    with the CPU, and all is run there. `rounds`: time so many runs, for at least so many `seconds`, and at the sizes of
    `sweep`, too. `say` is told what the run is at.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    inputs: Path | None = None
    store: Path | None = None
    precision: str = ""
    rounded: bool = False
    sensitivity: bool = False
    ablate: bool = False
    keep: float | None = None
    depth: bool = False
    fill: int | None = None
    tolerances: Tolerances = field(default_factory=Tolerances)
    against: Path | None = None
    module: Module | None = None
    map: Mapping[str, str] = field(default_factory=dict)
    sweep: tuple[tuple[str, tuple[int, ...]], ...] = ()
    provider: str = "cpu"
    given: Mapping[str, str] = field(default_factory=dict)
    reference: bool = True
    rounds: int = 0
    seconds: float = 0.0
    threads: int = 0
    max_ratio: float = math.inf
    libraries: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    say: Callable[[str], None] = _silent


@dataclass(frozen=True, slots=True)
class Measured:
    """What the runs measured, what they were fed, and that in words."""

    subjects: tuple[Measurement, ...]
    feeds: tuple[Feed, ...]
    fed: tuple[str, ...]
    notes: tuple[str, ...] = ()
