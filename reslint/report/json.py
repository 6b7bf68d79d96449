"""A Report in, JSON of the schema reslint.findings/1 out; the same to the byte from run to run."""

from __future__ import annotations

import json
from math import isfinite

from reslint.finding import Finding, Severity
from reslint.report.report import Looked, Report

SCHEMA = "reslint.findings/1"


def render(report: Report) -> str:
    """The whole report as one JSON document. All text is escaped to ASCII, so that nothing in a model reaches a terminal."""
    document = {
        "schema": SCHEMA,
        "reslint": report.version,
        "files": [_file(file) for file in report.files],
        "findings": [_finding(finding) for finding in report.findings],
        "summary": {
            **{str(severity): report.count(severity) for severity in sorted(Severity, reverse=True)},
            "suppressed": report.suppressed,
            "unread": report.unread,
        },
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    """A value without what JSON has no word for: infinity and NaN become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def _file(file: Looked) -> dict[str, object]:
    return {
        "path": file.path,
        "status": "failed" if file.error else "checked",
        "error": file.error,
        "unread": list(file.unread),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "family": finding.family,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "message": finding.message,
        "path": finding.path,
        "tensor": finding.tensor,
        "node": finding.node,
        "related": list(finding.related),
        "module": finding.module,
        "source": {"file": finding.file, "line": finding.line} if finding.file else None,
        "fingerprint": finding.fingerprint,
        "evidence": _finite(dict(finding.evidence)),
        "help": finding.help,
    }
