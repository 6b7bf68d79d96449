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
    """One thing that is wrong, where, and what was seen."""

    rule: str
    """The name of the rule, such as `shortcut-broadcast`."""
    family: str
    """The rule's family, such as `shortcut`; it selects all rules of the family."""
    severity: Severity
    """How bad it is, as configured."""
    confidence: Confidence
    """How sure it is."""
    message: str
    """One line that says what is wrong, with its numbers and tensors."""
    path: str
    """The model, as it was named."""
    tensor: str
    """The first output of the op at which it was found."""
    node: str
    """The node's name in the file; the tensor where it has none."""
    help: str
    """One sentence on what to do."""
    related: tuple[str, ...] = ()
    """The other places of the same finding, by tensor, in the order of the graph."""
    module: str | None = None
    """The PyTorch module, such as `layer3.4`; None where the exporter did not note it."""
    kind: str | None = None
    """The class of that module; None where the exporter did not note it."""
    file: str | None = None
    """The file of the user's code that made the op; None where the exporter did not note it."""
    line: int | None = None
    """The line in that file, from 1."""
    code: str = ""
    """The text of that line, as the exporter noted it."""
    fingerprint: str = ""
    """Sixteen hex digits that stay the same when names change, by which baselines and code hosts know it again."""
    evidence: Evidence = field(default_factory=dict)
    """What was seen, as plain values by name; each rule's page states units where a value has one."""
    lines: tuple[tuple[str, str], ...] = ()
    """The same as labelled lines for a person."""
    place: int = 0
    """The rank of the op in the graph, for sorting."""

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
