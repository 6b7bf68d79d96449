"""A Report in, SARIF 2.1.0 out, within what GitHub code scanning takes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from reslint.finding import Confidence, Finding, Severity
from reslint.report.check.json import finite
from reslint.report.common.places import Place, identity, model_place, place
from reslint.report.common.plain import counted, plain
from reslint.result import About, Report, Suppressed
from reslint.version import PAGES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"

# https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
RESULTS = 25_000  # in one run; an upload with more is refused
SIZE = 10_000_000  # bytes of an upload, compressed
RELATED = 100  # locations that are shown
DESCRIPTION = 1024  # characters

_PRECISION: Mapping[Confidence, str] = {
    Confidence.PROVEN: "very-high",
    Confidence.LIKELY: "high",
    Confidence.POSSIBLE: "medium",
}
_PROBLEM: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "recommendation",
}


def render(report: Report) -> str:
    """One run with all rules, and the findings as its results: the worst ones, where GitHub would refuse them all.

    All text is escaped to ASCII.
    """
    count = min(len(report.findings) + len(report.suppressed), RESULTS)
    while True:
        text = json.dumps(_log(report, count), indent=2, allow_nan=False) + "\n"
        if not count or len(text) <= SIZE or len(gzip.compress(text.encode(), 6)) <= SIZE:
            return text
        count //= 2


def _log(report: Report, count: int) -> dict[str, object]:
    """The whole log, with so many of the findings."""
    index = {rule.name: at for at, rule in enumerate(report.rules)}
    worst = sorted(report.findings, key=lambda f: -f.severity)[:count]  # stable, so that the order stays within each
    kept = report.findings if len(report.findings) <= count else worst
    run = {
        "tool": {"driver": _driver(report)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top folder of the repository."}}},
        "artifacts": [
            {"location": _artifact(model_place(file.path, report.root)), "roles": ["analysisTarget"]}
            for file in report.files
        ],
        "invocations": [_invocation(report, len(report.findings) - len(kept))],
        "results": [
            *(_result(finding, report.root, index) for finding in kept),
            *(_suppressed(one, report.root, index) for one in report.suppressed[: max(0, count - len(kept))]),
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _driver(report: Report) -> dict[str, object]:
    return {
        "name": "reslint",
        "version": report.version,
        "rules": [_rule(rule) for rule in report.rules],
    }


def _rule(rule: About) -> dict[str, object]:
    return {
        "id": rule.name,
        **({} if rule.origin else {"helpUri": f"{PAGES}/{rule.name}"}),
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _cut(rule.summary)},
        "fullDescription": {"text": _cut(_does(rule.page) or rule.summary)},
        "help": {
            "text": rule.page or rule.summary,
            "markdown": rule.page or rule.summary,
        },
        "defaultConfiguration": {"level": str(rule.severity)},
        "properties": {
            "tags": ["onnx", rule.family],
            "precision": _PRECISION[rule.confidence],
            "problem.severity": _PROBLEM[rule.severity],
        },
    }


def _does(page: str) -> str:
    """The first paragraph of what a rule's page says that it does."""
    found = re.search(r"^## What it does\s+(.+?)(?:\n\n|\Z)", page, re.M | re.S)
    return found[1].strip() if found else ""


def _cut(text: str) -> str:
    return text if len(text) <= DESCRIPTION else f"{text[: DESCRIPTION - 3]}..."


def _invocation(report: Report, dropped: int) -> dict[str, object]:
    """Whether all was looked at, and what was not, or is not told."""
    unread = [file for file in report.files if file.error]
    notifications: list[dict[str, object]] = [
        {
            "level": "error" if file.fails else "note",
            "message": {"text": _message(file.error or "")},
            "locations": [{"physicalLocation": _physical(model_place(file.path, report.root))}],
        }
        for file in unread
    ]
    if dropped:
        limits = f"code scanning takes {RESULTS} results and {SIZE // 1_000_000} MB"
        said = f"{counted(dropped, 'finding')} of the least severe left out: {limits}; --format json has all"
        notifications.append({"level": "warning", "message": {"text": said}})
    return {"executionSuccessful": not any(file.fails for file in unread), "toolExecutionNotifications": notifications}


def _suppressed(one: Suppressed, root: Path, index: Mapping[str, int]) -> dict[str, object]:
    """A finding that is known, with who knows it: an `allow` entry outside the code, or the baseline."""
    reason = one.reason or "known to the baseline"
    return {
        **_result(one.finding, root, index),
        "suppressions": [{"kind": "external", "status": "accepted", "justification": _message(reason)}],
    }


def _result(finding: Finding, root: Path, index: Mapping[str, int]) -> dict[str, object]:
    at = place(finding, root)
    return {
        "ruleId": finding.rule,
        **({"ruleIndex": index[finding.rule]} if finding.rule in index else {}),
        "level": str(finding.severity),
        "message": {"text": _said(finding)},
        "locations": [{"physicalLocation": _physical(at), "logicalLocations": list(_logical(finding))}],
        "relatedLocations": [
            {
                "id": 0,
                "physicalLocation": _physical(model_place(finding.path, root)),
                "message": {"text": _message(f"in the model {finding.path}")},
            },
            *(
                {
                    "id": number,
                    "physicalLocation": _physical(model_place(finding.path, root)),
                    "logicalLocations": [{"fullyQualifiedName": plain(name), "kind": "member"}],
                    "message": {"text": _message(f"also at {name}")},
                }
                for number, name in enumerate(finding.related[: RELATED - 1], 1)
            ),
        ],
        "partialFingerprints": {
            "reslintFinding/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{identity(finding)}:1",  # the one that GitHub compares
        },
        "properties": {
            "model": plain(finding.path),
            "confidence": str(finding.confidence),
            "evidence": finite(dict(finding.evidence)),
        },
    }


def _said(finding: Finding) -> str:
    """What is wrong, in which model, and what to do: the line of Python may be that of many models."""
    return _message(f"{finding.message} (in {finding.path})", *((f"To do: {finding.help}",) if finding.help else ()))


def _logical(finding: Finding) -> Iterator[dict[str, object]]:
    """The module, and the tensor in it."""
    if finding.module:
        yield {"fullyQualifiedName": plain(finding.module), "kind": "module"}
    yield {"name": plain(finding.tensor), "fullyQualifiedName": plain(finding.tensor), "kind": "member"}


def _physical(at: Place) -> dict[str, object]:
    """A file and a region of one line; GitHub asks for it, with both columns, even where a file has no lines."""
    region = {"startLine": at.line, "startColumn": at.start, "endLine": at.line, "endColumn": at.end}
    return {"artifactLocation": _artifact(at), "region": region}


def _artifact(at: Place) -> dict[str, object]:
    if at.inside:
        return {"uri": _quoted(at.file), "uriBaseId": ROOT}
    path = Path(at.file)
    return {"uri": f"file://{_quoted(path.as_posix())}" if path.is_absolute() else _quoted(path.as_posix())}


def _quoted(path: str) -> str:
    return quote(path.encode("utf-8", "backslashreplace"))


def _message(*parts: str) -> str:
    """Sentences in which nothing is a link: a bracket begins one in any SARIF message (section 3.11.6)."""
    text = ". ".join(map(plain, parts))
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") if "](" in text else text
