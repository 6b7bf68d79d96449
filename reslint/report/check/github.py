"""A Report in, GitHub workflow commands out: each finding an annotation at a file that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reslint.finding import Finding, Severity
from reslint.report.common.places import Place, model_place, place
from reslint.report.common.plain import plain
from reslint.result import Report

_COMMANDS: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report) -> str:
    """One line for each finding, and for each file that could not be looked at."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    for file in report.files:
        if file.error:
            name = "error" if file.fails else "notice"
            yield _command(name, model_place(file.path, report.root), "reslint", (f"{file.path}: {file.error}",))
    for finding in report.findings:
        title = f"reslint: {finding.rule}"
        yield _command(_COMMANDS[finding.severity], place(finding, report.root), title, _said(finding))


def _said(finding: Finding) -> tuple[str, ...]:
    """Where in the model, what, and what to do: the annotation may stand at a line of Python that many models share."""
    where = f"{finding.path}: {finding.module or finding.node}"
    return (f"{where}: {finding.message}", *((finding.help,) if finding.help else ()))


def _command(name: str, at: Place, title: str, lines: tuple[str, ...]) -> str:
    where = f"file={_property(at.file)},line={at.line}," if at.inside else ""
    return f"::{name} {where}title={_property(title)}::{'%0A'.join(map(_text, lines))}"


def _text(line: str) -> str:
    """A line of a message as the runner reads it back."""
    return plain(line).replace("%", "%25")


def _property(text: str) -> str:
    return plain(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
