"""What the child that runs a model is told, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reslint.net.values import Array

Feed = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Plan:
    """One session: a small model, where its weights lie, on what it runs, and how often on each input."""

    label: str
    model: bytes
    folder: str
    weights: Mapping[str, Array]
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    optimized: bool = True
    times: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """Sessions and inputs. Of each input's alternatives the first that the first session takes is used for all."""

    plans: tuple[Plan, ...]
    feeds: tuple[tuple[Feed, ...], ...]
    answer: str
    memory: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What one session made of one input, each time."""

    outputs: tuple[Mapping[str, Array], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of each input the alternative that was used; of each session what it made of each input; or what failed."""

    used: tuple[int, ...] = ()
    ran: tuple[tuple[Ran, ...], ...] = ()
    error: str = ""
    at: int = 0
