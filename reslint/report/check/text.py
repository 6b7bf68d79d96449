"""A Report in, text for a person out: each finding one line that grep finds, then its evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import click

from reslint.finding import Finding, Severity
from reslint.report.common.plain import counted, plain
from reslint.result import Looked, Report

WIDTH = 100
_INDENT = "    "
COLORS: Mapping[Severity, str] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_NAMED = 4  # as many related places are named; the JSON has them all


def render(report: Report, *, color: bool = False, verbose: bool = False) -> str:
    """The findings of each file, or that it is sound and what was seen in it, and a closing line."""
    text = "".join(f"{line}\n" for line in _lines(report, verbose))
    return text if color else click.unstyle(text)


def _lines(report: Report, verbose: bool) -> Iterator[str]:
    findings: dict[str, list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault(finding.path, []).append(finding)
    apart = False  # whether an empty line is due
    for file in report.files:
        if file.error:
            continue  # its line stands on standard error
        for finding in findings.get(file.path, ()):
            yield from ("",) if apart else ()
            yield from finding_lines(finding, verbose=verbose)
            apart = True
        if file.path not in findings:
            yield from ("",) if apart else ()
            yield f"{plain(file.path)}: {click.style('ok', fg='green')}, {_seen(file)}"
            apart = False
        for line in _measured(file, verbose):
            yield from ("",) if apart else ()
            yield line
            apart = False
        apart = apart or bool(file.measured)
    if any(not file.error for file in report.files):
        yield ""
        yield closing(report)


def _measured(file: Looked, verbose: bool) -> Iterator[str]:
    if file.measured:  # what was measured stands on onnx, which a report of cached findings must not pay for
        from reslint.report.run.text import tables

        yield from tables(file.measured, verbose)


def _seen(file: Looked) -> str:
    """What stands in a sound model, so that silence can be told from blindness."""
    if not file.blocks:
        return "no residual blocks"
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(file.kinds.items(), key=lambda k: (-k[1], k[0])))
    return f"{counted(file.blocks, 'residual block')} ({kinds})"


def finding_lines(finding: Finding, *, verbose: bool = False) -> Iterator[str]:
    """One finding: a line that grep finds, then its evidence."""
    severity = click.style(str(finding.severity), fg=COLORS[finding.severity], bold=True)
    place = plain(finding.module or finding.node)
    yield f"{click.style(plain(finding.path), bold=True)}: {place}: {severity}[{finding.rule}] {plain(_said(finding))}"
    rows = [*finding.lines, *_related(finding), *_numbers(finding, verbose)]
    width = max((len(plain(label)) for label, _ in rows), default=0)
    yield from (f"{_INDENT}{plain(label):<{width}}  {plain(says)}" for label, says in rows)
    if finding.file:
        yield f"{_INDENT}{plain(f'{finding.file}:{finding.line}'):<28}  {plain(finding.code)}".rstrip()
    yield from _help(finding)


def _said(finding: Finding) -> str:
    """The message, without the module where it says that again: the line has begun with it."""
    if not finding.module:
        return finding.message
    return re.sub(rf" of {re.escape(finding.module)}(?![\w.])", "", finding.message, count=1)


def _related(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.related:
        named = ", ".join(finding.related[:_NAMED])
        more = len(finding.related) - _NAMED
        yield "also at", f"{named} and {more} more" if more > 0 else named


def _numbers(finding: Finding, verbose: bool) -> Iterator[tuple[str, str]]:
    if verbose:
        yield from ((name, str(value)) for name, value in finding.evidence.items())


def _help(finding: Finding) -> Iterator[str]:
    """What to do, and at the right how sure this is and what to quote."""
    told = f"{_INDENT}help: {plain(finding.help)}"
    known = f"{finding.confidence} · {finding.fingerprint[:6]} · tensor {plain(finding.tensor)}"
    gap = WIDTH - len(told) - len(known)
    if gap >= 2:
        yield f"{told}{' ' * gap}{click.style(known, dim=True)}"
    else:
        yield told
        yield f"{max(WIDTH - len(known), len(_INDENT)) * ' '}{click.style(known, dim=True)}"


def closing(report: Report) -> str:
    """What was looked at and found, as one line."""
    blocks = sum(file.blocks for file in report.files)
    notes = report.count(Severity.NOTE)
    parts = [
        counted(report.count(Severity.ERROR), "error"),
        counted(report.count(Severity.WARNING), "warning"),
        *([counted(notes, "note")] if notes else []),
        f"{report.suppressed} suppressed",
        f"{report.unread} unread",
    ]
    looked = f"{counted(len(report.files), 'file')}, {counted(blocks, 'residual block')}"
    return f"{looked}: {', '.join(parts)} ({report.seconds:.1f} s)"
