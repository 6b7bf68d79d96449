"""What rules yield and reports render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from html import escape

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


@dataclass(frozen=True, slots=True, repr=False)
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

    def __repr__(self) -> str:
        return f"<Finding {self.severity} {self.rule} at {self.module or self.node!r}: {self.message!r}>"


_COLUMNS = ("severity", "rule", "module", "tensor", "message", "help")


class Findings(tuple[Finding, ...]):
    """Findings in the order of the graph; a notebook shows them as a table."""

    __slots__ = ()

    def rows(self) -> list[dict[str, object]]:
        """One plain dictionary for each finding, as `pandas.DataFrame` takes them."""
        names = [f.name for f in fields(Finding) if f.name not in ("lines", "place")]
        return [{name: _plain(getattr(finding, name)) for name in names} for finding in self]

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no findings</p>"
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        rows = (
            "".join(f"<td>{escape(str(getattr(finding, name) or ''))}</td>" for name in _COLUMNS) for finding in self
        )
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Severity | Confidence) else value
