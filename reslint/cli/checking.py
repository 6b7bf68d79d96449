"""Options in, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from reslint.cli.explain import page
from reslint.cli.formats import rendered
from reslint.cli.look import NOT_LOOKED_AT, Seen, chosen, look
from reslint.cli.options import Options
from reslint.cli.output import append, emit
from reslint.finding import Finding, Severity
from reslint.report.report import About, Looked, Report
from reslint.rules import Rule
from reslint.version import __version__

FOUND = 1


def check(options: Options, start: float) -> int:
    """Check all files, report with the seconds since `start`, and say how it went."""
    files: list[Looked] = []
    findings: list[Finding] = []
    sound = True
    rules = chosen(options)
    for seen in look(options, rules):
        files.append(_looked(seen))
        findings.extend(seen.findings)
        sound = sound and not seen.fails
    report = Report(
        __version__,
        tuple(files),
        tuple(findings),
        seconds=time.perf_counter() - start,
        rules=tuple(_about(rule) for rule in rules),
        fail_on=_severity(options.config.fail_on),
        root=_root(Path.cwd()),
    )
    _write(report, options)
    if not sound:
        return NOT_LOOKED_AT
    return FOUND if any(report.fails(finding) for finding in findings) else 0


def _write(report: Report, options: Options) -> None:
    """All that was asked for. The reports come first, so that they are there even where standard output is closed."""
    for style, file in options.reports:
        emit(rendered(report, style, file, options.color, options.verbose), file)
    emit(rendered(report, options.style, options.output, options.color, options.verbose), options.output)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and "github" in (options.style, *(style for style, _ in options.reports)):
        append(rendered(report, "markdown", summary, "never", options.verbose), summary)


def _about(rule: Rule) -> About:
    file = page(rule.name)
    text = file.read_text("utf-8") if file else ""
    return About(rule.name, rule.family, rule.severity, rule.confidence, rule.summary, text)


def _severity(name: str) -> Severity | None:
    return None if name == "never" else Severity[name.upper()]


def _root(start: Path) -> Path:
    """The top of the repository that a folder lies in, else the folder itself."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def _looked(seen: Seen) -> Looked:
    if seen.anatomy is None:
        return Looked(seen.path, seen.error)
    kinds = Counter(str(block.kind) for block in seen.anatomy.blocks)
    return Looked(seen.path, None, seen.anatomy.net.unread, kinds)
