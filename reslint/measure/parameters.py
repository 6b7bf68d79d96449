"""The parameters of a PyTorch module that its graph does not read."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy import Anatomy
from reslint.anatomy.values import Source


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a PyTorch module with parameters that the graph does not read: its path, its class, and those parameters.

    `called`: it was, and what it gave was dropped. `source` is the line that calls it, or else the forward that does not.
    """

    module: str
    kind: str
    parameters: tuple[str, ...]
    elements: int
    called: bool
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a PyTorch module beside the graph that was exported from it."""

    anatomy: Anatomy
    unread: tuple[Unread, ...]
