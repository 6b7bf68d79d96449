"""Options in, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from reslint.cli.look import NOT_LOOKED_AT, Seen, chosen, look
from reslint.cli.options import Options
from reslint.cli.output import colored, emit
from reslint.finding import Finding, Severity
from reslint.report import json, text
from reslint.report.report import Looked, Report
from reslint.version import __version__

FOUND = 1


def check(options: Options, start: float) -> int:
    """Check all files, report with the seconds since `start`, and say how it went."""
    return reported(look(options, chosen(options)), options, start)


def reported(looked: Iterable[Seen], options: Options, start: float) -> int:
    """Report what was seen, and say how it went."""
    files: list[Looked] = []
    findings: list[Finding] = []
    sound = True
    for seen in looked:
        files.append(_looked(seen))
        findings.extend(seen.findings)
        sound = sound and not seen.fails
    report = Report(__version__, tuple(files), tuple(findings), seconds=time.perf_counter() - start)
    emit(_rendered(report, options), options.output)
    if not sound:
        return NOT_LOOKED_AT
    return FOUND if any(_fails(finding, options.config.fail_on) for finding in findings) else 0


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
