"""What was seen in models in, a report written and the exit status out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from reslint.cli.inputs.look import NOT_LOOKED_AT, look, remembering
from reslint.cli.options.check import CheckOptions
from reslint.cli.options.common import Judging, Models
from reslint.cli.output.formats import rendered
from reslint.cli.output.streams import append, colored, emit
from reslint.cli.pages import page
from reslint.finding import Finding, Severity
from reslint.result import About, Looked, Report, Suppressed
from reslint.version import __version__

FOUND = 1
UNDECIDED = 3


def check(options: CheckOptions, start: float) -> int:
    """Check all files, report with the seconds since `start`, and say how it went."""
    return reported(look(options), options, start)


def reported(looks: Iterable[Looked], options: Models, start: float) -> int:
    """Report what was seen, and say how it went."""
    files = tuple(looks)
    findings = tuple(finding for file in files for finding in file.findings)
    suppressed = tuple(one for file in files for one in file.suppressed)
    if isinstance(options, Judging) and (baseline := options.write_baseline or options.baseline):
        from reslint.cli.actions.baseline import unknown

        findings, familiar = unknown(files, findings, baseline, options)
        suppressed += tuple(map(Suppressed, familiar))
    report = Report(
        __version__,
        files,
        findings,
        suppressed,
        seconds=time.perf_counter() - start,
        rules=_rules(files, options),
        fail_on=_severity(options.configuration.fail_on),
        root=_root(Path.cwd()),
    )
    _write(report, options)
    if any(file.fails for file in files):
        return NOT_LOOKED_AT
    if any(_fails(finding, options.settings_of(finding.path).fail_on) for finding in findings):
        return FOUND
    return UNDECIDED if any(_is_undecided(finding, options) for finding in findings) else 0


def _write(report: Report, options: Models) -> None:
    """All that was asked for. The reports come first, so that they are there even where standard output is closed."""
    for style, file in options.reports:
        emit(rendered(report, style, file, options.color, options.verbose, options.quiet), file, called="the report")
    if options.style == "github" and options.output is None:  # annotations take their lines out of the log
        emit(rendered(report, "text", None, "never", options.verbose, options.quiet), None)
    emit(_result(report, options), options.output, commands=options.style == "github")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and "github" in (options.style, *(style for style, _ in options.reports)):
        append(rendered(report, "markdown", summary, "never", options.verbose), summary)


def _result(report: Report, options: Models) -> str:
    """The result itself: the findings, or how many there are of each rule."""
    if isinstance(options, CheckOptions) and options.statistics:
        from reslint.report.check import statistics

        return statistics.render(report, options.style, color=colored(options.color, options.output))
    return rendered(report, options.style, options.output, options.color, options.verbose, options.quiet)


def _rules(files: Sequence[Looked], options: Models) -> tuple[About, ...]:
    """The rules that ran on some model, with their pages."""
    names = frozenset(name for file in files for name in file.rules)
    remembered = remembering(options)
    known = remembered.rules(names) if remembered else None
    if known is None:
        from reslint import look

        configs = {id(one): one for file in files for one in (options.configuration.nearest(file.path),)}
        rules = {rule.name: rule for config in configs.values() for rule in look.rules(config)}
        every = tuple(
            About(r.name, r.family, r.severity, r.confidence, r.summary, r.page, r.origin) for r in rules.values()
        )
        known = tuple(about for about in every if about.name in names)
        if remembered:
            remembered.keep_rules(every)
    return tuple(replace(about, page=about.page or _page(about.name)) for about in known)


def _page(rule: str) -> str:
    file = page(rule)
    return file.read_text("utf-8") if file else ""


def _severity(name: str) -> Severity | None:
    return None if name == "never" else Severity[name.upper()]


def _root(start: Path) -> Path:
    """The top of the repository that a folder lies in, else the folder itself."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def _is_undecided(finding: Finding, options: Models) -> bool:
    """Whether a measurement was too coarse to say whether what was asked for holds, where that could fail."""
    may_fail = options.settings_of(finding.path).fail_on != "never"
    return may_fail and finding.evidence.get("decision") == "undecided"


def _fails(finding: Finding, fail_on: str) -> bool:
    least = _severity(fail_on)
    return least is not None and finding.severity >= least
