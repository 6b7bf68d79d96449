"""What the child that runs a model is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from reslint.runtime.protocol.providers import CPU

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]  # reslint.net's own would bring onnx into the child
Fed = Array | list[Array]  # ONNX Runtime takes a sequence as a list and no tuple
Feed = Mapping[str, Fed]


@dataclass(frozen=True, slots=True)
class Handles:
    """The names of one block's inputs, and of its stream. A gate's shortcut can't be cut: its two sides are one mix."""

    keep: str
    noise: str
    stream: str
    cuttable: bool


@dataclass(frozen=True, slots=True)
class Shaking:
    """How to shake streams by their handles: along so many random directions, by a step relative to the stream's size."""

    handles: tuple[Handles, ...]
    directions: int
    seed: int
    step: float
    ablate: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """An op that can be rounded: the input that turns it on, its type, the float tensors that it reads and gives.

    `masks` says that what it gives ends in softmaxes, where far below zero means no.
    """

    flag: str
    type: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    masks: bool = False

    @staticmethod
    def extremes(name: str) -> tuple[str, str]:
        """The names of the least and the largest number of a tensor."""
        return f"reslint.least.{name}", f"reslint.most.{name}"

    def peaks(self, name: str) -> tuple[str, str]:
        """The further outputs that tell the range of one of its own."""
        return self.extremes(name)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is wanted of a set of ops to keep: a signal-to-noise ratio in dB, nothing beyond `largest`, within `seconds`."""

    switches: tuple[Switch, ...]
    wanted: float
    largest: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Skipping:
    """How to skip blocks: the inputs that switch their branches, the model's own outputs, each block's streams."""

    keeps: tuple[str, ...]
    outputs: tuple[str, ...]
    streams: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One session: a small model, where its weights lie, on what it runs, and how often on each input.

    With `wide` its inputs of half precision are given as float32; `half` converts it to half precision before. With
    `rounded`, a type, no session runs it but the reference evaluator, which rounds to that type after every op. With
    `shaking` or `skipping` it gives how its outputs move, with `keeping` which ops are to be kept in float32; `keep` are the
    names of nodes that are, where it is converted or rounded. `exact` turns off what rounds float32 to fewer bits on the way.
    `libraries` bring custom ops, `given` are options of the provider.
    """

    label: str
    model: bytes
    folder: str
    weights: Mapping[str, Array]
    provider: str = CPU
    optimized: bool = True
    times: int = 1
    threads: int = 0
    wide: bool = False
    half: bool = False
    rounded: str = ""
    libraries: tuple[str, ...] = ()
    exact: bool = True
    shaking: Shaking | None = None
    keeping: Keeping | None = None
    keep: frozenset[str] = frozenset()
    skipping: Skipping | None = None
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A node of a session, the provider that runs it, and the number of the subgraph that it gave to that."""

    name: str
    type: str
    provider: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """How often sessions are timed, at the least, for how many seconds, at the least, and when that must end.

    Each of the `groups` of rounds has sessions of its own. `profile` is what the shares of the nodes are taken from, None
    where they are not wanted.
    """

    rounds: int
    seconds: float = 0.0
    most: float = 300.0
    groups: int = 1
    profile: Plan | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What ONNX Runtime's profile tells of one node: its name, its seconds in a run without what runs inside it, who ran it."""

    name: str
    seconds: float
    provider: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Sessions and inputs. Of each input's alternatives the first that the first session takes is used for all.

    With `timing` the plans are timed on the first input, in turns. `most` is how many bytes the outputs may take, and
    `parent` the process that waits for them.
    """

    plans: tuple[Plan, ...]
    feeds: tuple[tuple[Feed, ...], ...]
    memory: int
    most: int
    parent: int
    timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class Overflow:
    """The first output of the op that was rounded to infinity, and the largest magnitude that it had before."""

    tensor: str
    peak: float


@dataclass(frozen=True, slots=True)
class Ran:
    """What one session made of one input, each time, and where rounding overflowed."""

    outputs: tuple[Mapping[str, Array], ...]
    overflow: Overflow | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Of each input the alternative that was used; of each session what it made of each input; or what failed.

    `at` is the number of the input at which it did, -1 where no session could be made. `cold` is how many seconds the first
    session took to be made, and to run for the first time; `memory` the most bytes that the process held.
    """

    used: tuple[int, ...] = ()
    ran: tuple[tuple[Ran, ...], ...] = ()
    error: str = ""
    at: int = 0
    placed: tuple[tuple[Placed, ...], ...] = ()
    seconds: tuple[tuple[tuple[float, ...], ...], ...] = ()
    events: tuple[Event, ...] = ()
    cold: tuple[float, float] = (0.0, 0.0)
    memory: int = 0
