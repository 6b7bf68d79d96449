"""A Report in, how often each rule was found out: as text, or as JSON with the counts beside the findings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import click

from reslint.finding import Finding, Severity
from reslint.report.check.json import document
from reslint.report.check.text import COLORS, closing
from reslint.report.common.plain import counted
from reslint.result import Report


@dataclass(frozen=True, slots=True)
class Count:
    """The findings of one rule: how many, in how many models, at how many places, and how bad the worst one is."""

    rule: str
    severity: Severity
    findings: int
    models: int
    places: int


def counts(report: Report) -> tuple[Count, ...]:
    """What was found, the most frequent first."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.rule, []).append(finding)
    every = (
        Count(
            rule,
            max(f.severity for f in findings),
            len(findings),
            len({f.path for f in findings}),
            sum(1 + len(f.related) for f in findings),
        )
        for rule, findings in found.items()
    )
    return tuple(sorted(every, key=lambda c: (-c.findings, c.rule)))


def render(report: Report, style: str, *, color: bool = False) -> str:
    """The counts in one of the two formats."""
    if style == "json":
        rows = [
            {
                "rule": c.rule,
                "severity": str(c.severity),
                "findings": c.findings,
                "models": c.models,
                "places": c.places,
            }
            for c in counts(report)
        ]
        return json.dumps({**document(report), "statistics": rows}, indent=2, allow_nan=False) + "\n"
    text = "".join(f"{line}\n" for line in _lines(report))
    return text if color else click.unstyle(text)


def _lines(report: Report) -> Iterator[str]:
    rows = [
        (str(c.findings), str(c.severity), c.rule, f"in {counted(c.models, 'model')}, at {counted(c.places, 'place')}")
        for c in counts(report)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    for (number, severity, rule, where), count in zip(rows, counts(report), strict=True):
        shown = click.style(f"{severity:<{widths[1]}}", fg=COLORS[count.severity], bold=True)
        yield f"{number:>{widths[0]}}  {shown}  {rule:<{widths[2]}}  {where}"
    if any(not file.error for file in report.files):
        yield from ("",) if rows else ()
        yield closing(report)
