"""Options in, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reslint.baseline import Baseline, Ran, load, render
from reslint.cli.explain import page
from reslint.cli.formats import rendered
from reslint.cli.look import NOT_LOOKED_AT, Seen, chosen, look
from reslint.cli.options import Options
from reslint.cli.output import append, emit, note, written
from reslint.finding import Finding, Severity
from reslint.report.report import About, Looked, Report
from reslint.rules import Rule
from reslint.version import __version__

FOUND = 1


def check(options: Options, start: float) -> int:
    """Check all files, report with the seconds since `start`, and say how it went."""
    return reported(look(options), options, start)


def reported(looked: Iterable[Seen], options: Options, start: float, *, measured: bool = False) -> int:
    """Report what was seen, and say how it went."""
    files: list[Looked] = []
    findings: list[Finding] = []
    ran: dict[str, Ran] = {}
    known = _baseline(options)
    sound, suppressed = True, 0
    for seen in looked:
        files.append(_looked(seen))
        findings.extend(seen.findings)
        sound = sound and not seen.fails
        suppressed += seen.suppressed
        ran |= {seen.path: seen.ran} if seen.ran else {}
    if known is not None:
        known = _renewed(known, findings, ran, options)
        fresh, familiar = known.split(findings)
        findings, suppressed = [*fresh], suppressed + familiar
    report = Report(
        __version__,
        tuple(files),
        tuple(findings),
        suppressed,
        seconds=time.perf_counter() - start,
        rules=tuple(_about(rule) for rule in chosen(options.config, measured=measured)),
        fail_on=_severity(options.config.fail_on),
        root=_root(Path.cwd()),
    )
    _write(report, options)
    if not sound:
        return NOT_LOOKED_AT
    return FOUND if any(_fails(finding, options.config.at(finding.path).fail_on) for finding in findings) else 0


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


def _baseline(options: Options) -> Baseline | None:
    """The baseline that the run starts from."""
    if options.write_baseline:
        return load(options.write_baseline, must_exist=False)
    return load(options.baseline) if options.baseline else None


def _renewed(known: Baseline, findings: Sequence[Finding], ran: Mapping[str, Ran], options: Options) -> Baseline:
    """The baseline after the run: written if that was asked for, else as it was; resolved entries are told."""
    resolved = () if options.quiet else tuple(known.resolved(findings, ran))
    told = "dropped" if options.write_baseline else "--write-baseline drops it"
    for entry in resolved:
        note(str(known.file), f"{entry.path}: {entry.rule} at {entry.at} is resolved; {told}")
    if not options.write_baseline:
        return known
    renewed = known.renewed(findings, ran)
    written(known.file, render(renewed), f"--write-baseline {known.file}")
    return renewed


def _looked(seen: Seen) -> Looked:
    if seen.anatomy is None:
        return Looked(seen.path, seen.error)
    kinds = Counter(str(block.kind) for block in seen.anatomy.blocks)
    return Looked(seen.path, None, seen.anatomy.net.unread, kinds)


def _fails(finding: Finding, fail_on: str) -> bool:
    least = _severity(fail_on)
    return least is not None and finding.severity >= least
