"""The values that reports render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reslint.finding import Confidence, Finding, Findings, Severity

if TYPE_CHECKING:  # a report of cached findings must not pay for onnx
    from reslint.anatomy import Anatomy
    from reslint.measure import Measurement
    from reslint.portrait import Portrait


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that is not told, and why: the reason of an `allow` entry, or empty where a baseline knows it."""

    finding: Finding
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """One model that was looked at: its findings, what of it could not be read, and its residual blocks by kind.

    Where it could not be looked at, `error` says why, and `fails` whether that must fail the run; `trace` is the traceback
    of a bug. `suppressed` findings were allowed by `used` entries of the configuration, by their
    ranks in it. `rules` ran,
    and a finding had to be at least as sure as `least`. `measured` is what `reslint run` measured, `notes` tell how the model
    was made, and the `portrait` is there where a format draws it.
    """

    path: str
    error: str | None = None
    unread: tuple[str, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    fails: bool = False
    trace: str = ""
    suppressed: tuple[Suppressed, ...] = ()
    used: tuple[int, ...] = ()
    rules: tuple[str, ...] = ()
    least: Confidence = Confidence.LIKELY
    measured: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    portrait: Portrait | None = None

    @property
    def blocks(self) -> int:
        """The number of residual blocks."""
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True)
class About:
    """What is known about a rule that ran: its name and defaults, its summary, its page in Markdown, and whose it is.

    `origin` is the module of a project's own rule, empty for one of reslint's.
    """

    name: str
    family: str
    severity: Severity
    confidence: Confidence
    summary: str
    page: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of `reslint check` has to say.

    `rules` are those that ran. `fail_on` is the least severity that fails the run, None where none does. `root` is the
    folder from which other tools see the files, the repository's.
    """

    version: str
    files: tuple[Looked, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...] = ()
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
    def unreadable(self) -> int:
        """The number of models that could not be read at all."""
        return sum(bool(file.error) for file in self.files)

    @property
    def without_weights(self) -> int:
        """The number of models that were looked at and whose weights are not there, all or some of them."""
        return sum(bool(file.unread) and not file.error for file in self.files)


@dataclass(frozen=True, slots=True)
class Ran:
    """What `reslint.run` gives: the findings, what was measured, and in words what was fed and what is to be said of it."""

    findings: Findings
    measurements: tuple[Measurement, ...]
    fed: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dissected:
    """One model for `reslint anatomy`: its anatomy and what the rules found in it, or why it could not be read."""

    path: str
    anatomy: Anatomy | None = None
    error: str | None = None
    findings: tuple[Finding, ...] = ()
