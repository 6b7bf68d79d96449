"""Findings as one line each, for problem matchers and quickfix lists: `file:line:col: severity[rule] message (model)`."""

from __future__ import annotations

import os

from reslint.finding import Finding
from reslint.report.common.places import place
from reslint.report.common.plain import plain
from reslint.result import Report


def render(report: Report) -> str:
    """A line for each finding: at the author's Python line where that is known and there, else at the model file."""
    return "".join(f"{_line(finding, report)}\n" for finding in report.findings)


def _line(finding: Finding, report: Report) -> str:
    at = place(finding, report.root)
    file = os.path.relpath(report.root / at.file) if at.inside else at.file
    said = f"{finding.severity}[{finding.rule}] {plain(finding.message)} ({plain(finding.path)})"
    return f"{plain(file)}:{at.line}:{at.start}: {said}"
