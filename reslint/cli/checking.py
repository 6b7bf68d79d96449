"""Options in, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from reslint.baseline import Baseline, Ran, load, render
from reslint.cli.look import NOT_LOOKED_AT, Seen, look
from reslint.cli.options import Options
from reslint.cli.output import colored, emit, note, written
from reslint.finding import Finding, Severity
from reslint.report import json, text
from reslint.report.report import Looked, Report
from reslint.version import __version__

FOUND = 1


def check(options: Options, start: float) -> int:
    """Check all files, report with the seconds since `start`, and say how it went."""
    files: list[Looked] = []
    findings: list[Finding] = []
    ran: dict[str, Ran] = {}
    known = _baseline(options)
    sound, suppressed = True, 0
    for seen in look(options):
        files.append(_looked(seen))
        findings.extend(seen.findings)
        sound = sound and not seen.fails
        suppressed += seen.suppressed
        ran |= {seen.path: seen.ran} if seen.ran else {}
    if known is not None:
        known = _renewed(known, findings, ran, options)
        fresh, familiar = known.split(findings)
        findings, suppressed = [*fresh], suppressed + familiar
    report = Report(__version__, tuple(files), tuple(findings), suppressed, seconds=time.perf_counter() - start)
    emit(_rendered(report, options), options.output)
    if not sound:
        return NOT_LOOKED_AT
    return FOUND if any(_fails(finding, options.config.at(finding.path).fail_on) for finding in findings) else 0


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


def _rendered(report: Report, options: Options) -> str:
    if options.style == "json":
        return json.render(report)
    return text.render(report, color=colored(options.color, options.output), verbose=options.verbose)


def _fails(finding: Finding, fail_on: str) -> bool:
    return fail_on != "never" and finding.severity >= Severity[fail_on.upper()]
