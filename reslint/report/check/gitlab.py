"""A Report in, GitLab's Code Quality JSON out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from reslint.finding import Finding, Severity
from reslint.report.common.places import Place, identity, model_place, place
from reslint.report.common.plain import plain
from reslint.result import Looked, Report

_SEVERITIES: Mapping[Severity, str] = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(report: Report) -> str:
    """A list of issues, each with a fingerprint of its own; a file that could not be looked at is one, too."""
    return json.dumps(list(_issues(report)), indent=2) + "\n"


def _issues(report: Report) -> Iterator[dict[str, object]]:
    for file in report.files:
        if file.error:
            yield _unread(file, model_place(file.path, report.root))
    for finding in report.findings:
        yield _issue(finding, place(finding, report.root), report)


def _unread(file: Looked, at: Place) -> dict[str, object]:
    fingerprint = hashlib.sha256(f"unreadable\n{at.file}".encode("utf-8", "backslashreplace")).hexdigest()[:32]
    return _entry(
        f"{file.path}: {file.error}", "unreadable-model", fingerprint, "blocker" if file.fails else "info", at
    )


def _issue(finding: Finding, at: Place, report: Report) -> dict[str, object]:
    said = f"{finding.path}: {finding.module or finding.node}: {finding.message}"
    model = model_place(finding.path, report.root)
    others = [{"path": plain(model.file), "lines": {"begin": model.line}}] if model.file != at.file else []
    entry = _entry(said, finding.rule, identity(finding), _SEVERITIES[finding.severity], at)
    return {**entry, **({"other_locations": others} if others else {})}


def _entry(said: str, check: str, fingerprint: str, severity: str, at: Place) -> dict[str, object]:
    return {
        "description": plain(said),
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": plain(at.file), "lines": {"begin": at.line}},
    }
