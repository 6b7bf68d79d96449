"""A Report in, Markdown for a pull request's comment or a job's summary out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reslint.finding import Finding, Severity
from reslint.report.common.counts import counts
from reslint.report.common.places import place
from reslint.report.common.plain import counted, plain
from reslint.result import Report

LONGEST = 60_000
"""Characters in all; a comment on GitHub holds 65,536."""

_JOINER = "&#8288;"  # invisible; keeps `@name` from calling someone and `#1` from being a reference
_TOUCHED = re.compile(r"[^\w .,;/+-]|_")


def render(report: Report) -> str:
    """A line that sums up, a table of the findings, and what could not be looked at."""
    head, rest = f"### reslint: {_closing(report)}\n", tuple(_rows(report))
    if not rest:
        return head
    table = "\n| | where | finding | in |\n|---|---|---|---|\n"
    room = LONGEST - len(head) - len(table)
    rows: list[str] = []
    for row in rest:
        room -= len(row)
        if room < 0:
            return f"{head}{table}{''.join(rows)}\n{len(rest) - len(rows)} more are left out here.\n"
        rows.append(row)
    return f"{head}{table}{''.join(rows)}"


def _rows(report: Report) -> Iterator[str]:
    for file in report.files:
        if file.error:
            yield f"| **could not be read** | {code(file.path)} | {prose(file.error)} | |\n"
    for finding in sorted(report.findings, key=lambda f: -f.severity):
        yield _row(finding, report)


def _row(finding: Finding, report: Report) -> str:
    at = place(finding, report.root)
    source = code(f"{at.file}:{at.line}") if at.file.endswith(".py") else ""
    where = f"{code(finding.path)}<br>{code(finding.module or finding.node)}"
    told = f"{code(finding.rule)} {prose(finding.message)}"
    if finding.help:
        told += f"<br>*Help:* {prose(finding.help)}"
    return f"| {_severity(finding.severity)} | {where} | {told} | {source} |\n"


def _severity(severity: Severity) -> str:
    return f"**{severity}**" if severity is Severity.ERROR else str(severity)


def _closing(report: Report) -> str:
    blocks = sum(file.blocks for file in report.files)
    looked = f"{counted(len(report.files), 'model')}, {counted(blocks, 'residual block')}"
    return f"{', '.join(counts(report))} in {looked}"


def code(text: str) -> str:
    """Text as code."""
    return f"<code>{_escaped(text)}</code>"


def prose(text: str) -> str:
    """Text from a model outside of code, where a name could call someone or refer to an issue."""
    return re.sub(r"(&#64;|&#35;)", rf"\1{_JOINER}", _escaped(text))


def _escaped(text: str) -> str:
    """All that Markdown, HTML or a table could take for its own as character references, which none of them interprets."""
    return _TOUCHED.sub(lambda found: f"&#{ord(found[0])};", plain(text))
