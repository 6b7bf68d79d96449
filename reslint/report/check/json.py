"""A Report in, JSON of the schema reslint.findings/1 out; the same to the byte from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite

from reslint.finding import Finding, Severity
from reslint.result import Looked, Report

SCHEMA = "reslint.findings/1"


def render(report: Report) -> str:
    """The whole report as one JSON document. All text is escaped to ASCII, so that nothing in a model reaches a terminal."""
    return json.dumps(document(report), indent=2, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, object]:
    """The report as plain values."""
    found: dict[str, object] = {
        "schema": SCHEMA,
        "reslint": report.version,
        "files": [_file(file) for file in report.files],
        "findings": [row(finding) for finding in report.findings],
        "summary": {
            **{str(severity): report.count(severity) for severity in sorted(Severity, reverse=True)},
            "suppressed": len(report.suppressed),
            "without_weights": report.without_weights,
            "unreadable": report.unreadable,
            "unread": report.without_weights + report.unreadable,  # what schema 1 called both
        },
    }
    measured = [row for file in report.files if file.measured for row in _measured(file)]
    if measured:
        found["measurements"] = measured
    return found


def finite(value: object) -> object:
    """A value without what JSON has no word for: infinity and NaN become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def _measured(file: Looked) -> Iterator[object]:
    from reslint.report.run.values import measurements  # stands on onnx; a report of cached findings must not

    yield rounded(finite({"path": file.path, **measurements(file.measured)}))


def rounded(value: object) -> object:
    """Measured numbers to six digits: those behind are noise."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def _file(file: Looked) -> dict[str, object]:
    return {
        "path": file.path,
        "status": "failed" if file.error else "checked",
        "error": file.error,
        "unread": list(file.unread),
    }


def row(finding: Finding) -> dict[str, object]:
    """A finding as plain values."""
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
        "class": finding.kind,
        "source": {"file": finding.file, "line": finding.line} if finding.file else None,
        "fingerprint": finding.fingerprint,
        "evidence": finite(dict(finding.evidence)),
        "help": finding.help,
    }
