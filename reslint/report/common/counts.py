"""What a run found, counted in the words that all formats use; what there is none of is left out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Severity
from reslint.report.common.plain import counted
from reslint.result import Report


def counts(report: Report) -> Iterator[str]:
    """`1 error`, `2 suppressed`, `1 without weights`, and what else there is; `no findings` where nothing was found."""
    if not report.findings:
        yield "no findings"
    for severity in sorted(Severity, reverse=True):
        if found := report.count(severity):
            yield counted(found, str(severity))
    for number, what in (
        (len(report.suppressed), "suppressed"),
        (report.without_weights, "without weights"),
        (report.unreadable, "could not be read"),
    ):
        if number:
            yield f"{number} {what}"
