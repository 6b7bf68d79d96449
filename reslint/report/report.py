"""The values that reports render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Finding, Severity


@dataclass(frozen=True, slots=True)
class Looked:
    """One file that was looked at: why it could not be, or what of it could not be read, and its residual blocks by kind."""

    path: str
    error: str | None = None
    unread: tuple[str, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        """The number of residual blocks."""
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True)
class About:
    """What is known about a rule that ran: its name and defaults, its summary, and its page in Markdown."""

    name: str
    family: str
    severity: Severity
    confidence: Confidence
    summary: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of `reslint check` has to say.

    `rules` are those that ran. `fail_on` is the least severity that fails the run, None where none does. `root` is the
    folder from which other tools see the files, the repository's.
    """

    version: str
    files: tuple[Looked, ...]
    findings: tuple[Finding, ...]
    suppressed: int = 0
    seconds: float = 0.0
    rules: tuple[About, ...] = ()
    fail_on: Severity | None = Severity.ERROR
    root: Path = Path()

    def fails(self, finding: Finding) -> bool:
        """Whether a finding is bad enough to fail the run."""
        return self.fail_on is not None and finding.severity >= self.fail_on

    def count(self, severity: Severity) -> int:
        """How many findings are this bad."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def unread(self) -> int:
        """The number of files that were not read, or not whole."""
        return sum(bool(file.error or file.unread) for file in self.files)


@dataclass(frozen=True, slots=True)
class Dissected:
    """One model for `reslint anatomy`: its anatomy and what the rules found in it, or why it could not be read."""

    path: str
    anatomy: Anatomy | None = None
    error: str | None = None
    findings: tuple[Finding, ...] = ()
