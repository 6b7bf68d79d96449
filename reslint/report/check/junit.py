"""A Report in, JUnit XML out: a suite for each model, a test case for each rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from reslint.finding import Finding
from reslint.report.common.plain import plain
from reslint.result import Looked, Report


def render(report: Report) -> str:
    """A case fails where a finding fails the run; findings below that stand in its output."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        found.setdefault((finding.path, finding.rule), []).append(finding)
    xml = JUnitXml("reslint")
    for file in report.files:
        suite = TestSuite(plain(file.path))
        for case in _cases(file, found, report):
            suite.add_testcase(case)
        xml.add_testsuite(suite)
    return f"{xml.tostring().decode('utf-8').strip()}\n"


def _cases(file: Looked, found: dict[tuple[str, str], list[Finding]], report: Report) -> Iterator[TestCase]:
    name = plain(file.path)
    if file.error:
        case = TestCase("readable", classname=name)
        told = plain(file.error)
        case.result = [Error(told, "unreadable-model") if file.fails else Skipped(told)]
        yield case
        return
    rules = dict.fromkeys((*(rule.name for rule in report.rules), *(rule for path, rule in found if path == file.path)))
    for rule in rules:
        yield _case(name, rule, found.get((file.path, rule), ()), report)


def _case(path: str, rule: str, findings: Sequence[Finding], report: Report) -> TestCase:
    case = TestCase(rule, classname=path)
    failures: list[Failure] = []
    for finding in findings:
        if report.fails(finding):
            failure = Failure(_said(finding), rule)
            failure.text = "\n".join(_lines(finding))
            failures.append(failure)
    case.result = [*failures]
    below = [_said(finding) for finding in findings if not report.fails(finding)]
    if below:
        case.system_out = "\n".join(below)
    return case


def _said(finding: Finding) -> str:
    return f"{finding.severity}: {plain(finding.module or finding.node)}: {plain(finding.message)}"


def _lines(finding: Finding) -> Iterator[str]:
    yield from (f"{plain(label)}: {plain(says)}" for label, says in finding.lines)
    if finding.file:
        yield plain(f"{finding.file}:{finding.line}: {finding.code}")
    yield f"tensor: {plain(finding.tensor)}"
    yield f"help: {plain(finding.help)}"
