"""What rules yield and reports render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

Evidence = Mapping[str, object]
"""Plain numbers, strings, and lists of them, by name."""


class Severity(IntEnum):
    """How bad a finding is."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Confidence(StrEnum):
    """How sure a finding is: from shapes, types or weights; from structure; or a matter of judgement."""

    PROVEN = "proven"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and what was seen.

    `tensor` is the first output of the op, `node` the node's name (the tensor where it has none), `related` the other
    places of the same finding. `evidence` holds plain numbers, `help` one sentence on what to do. `lines` are labelled
    lines of evidence for a person. `kind` is the class of the module. `place` is the op's rank in the graph, for sorting.
    """

    rule: str
    family: str
    severity: Severity
    confidence: Confidence
    message: str
    path: str
    tensor: str
    node: str
    help: str
    related: tuple[str, ...] = ()
    module: str | None = None
    kind: str | None = None
    file: str | None = None
    line: int | None = None
    code: str = ""
    fingerprint: str = ""
    evidence: Evidence = field(default_factory=dict)
    lines: tuple[tuple[str, str], ...] = ()
    place: int = 0
