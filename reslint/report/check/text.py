"""Findings as text for a person: each is one line that grep finds, then its evidence, laid out for the terminal's width."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import TextWrapper

import click

from reslint.finding import Finding, Severity
from reslint.report.common.counts import counts
from reslint.report.common.plain import counted, plain
from reslint.result import Looked, Report

WIDTH = 100
"""Columns where there is no terminal."""

_INDENT = "    "
_FIRST_COLUMN = 28  # columns of `file.py:146` before the line's text
COLORS: Mapping[Severity, str] = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_NAMED = 4  # as many related places are named; the JSON has them all
_UNBROKEN = re.compile(r"\[[^\[\]]{1,60}\]|\d (?=[a-z(])")  # a shape; a number and what it counts
_JOINED = "\x00"  # stands for a space inside a shape, at which no line breaks; `plain` leaves none in any text


@dataclass(frozen=True, slots=True)
class Style:
    """How text is laid out.

    `width` is in columns. `wraps` says that the first line of a finding is wrapped, too, as a terminal would do it in the
    middle of a word; elsewhere it stays one line for grep. `pages` is the address of the rules' pages where the terminal has
    hyperlinks, else empty; those that are `unlinked` have none there.
    """

    color: bool = False
    verbose: bool = False
    quiet: bool = False
    width: int = WIDTH
    wraps: bool = False
    pages: str = ""
    unlinked: frozenset[str] = frozenset()


def render(report: Report, style: Style = Style()) -> str:
    """The findings of each model, and a closing line that counts what was looked at.

    A sound model is only counted; with `verbose` it has a line of its own. With `quiet` there are findings and nothing else.
    """
    text = "".join(f"{line}\n" for line in _lines(report, style))
    return text if style.color or style.pages else click.unstyle(text)


def _lines(report: Report, style: Style) -> Iterator[str]:
    findings: dict[str, list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault(finding.path, []).append(finding)
    hiding = Counter(one.finding.path for one in report.suppressed)
    apart = False  # whether an empty line is due
    for file in report.files:
        if file.error:
            continue  # its line stands on standard error
        here = findings.get(file.path, [])
        for finding in here:
            yield from ("",) if apart else ()
            yield from finding_lines(finding, style)
            apart = True
        if style.quiet:
            continue
        hidden = hiding[file.path]
        if not here and (hidden or file.measured or style.verbose):
            yield from ("",) if apart else ()
            yield from _grepped(f"{plain(file.path)}: {_sound(file, hidden)}", style)
            apart = False
        for line in _measured(file, style.verbose):
            yield from ("",) if apart else ()
            yield line
            apart = False
        apart = apart or bool(file.measured) or bool(hidden and not here)
    if not style.quiet and any(not file.error for file in report.files):
        yield from ("",) if apart or style.verbose else ()
        yield from _grepped(closing(report), style)


def _verdict(hidden: int) -> str:
    return f"{hidden} suppressed" if hidden else click.style("ok", fg="green")


def _measured(file: Looked, verbose: bool) -> Iterator[str]:
    if file.measured:  # what was measured stands on onnx, which a report of cached findings must not pay for
        from reslint.report.run.text import tables

        yield from tables(file.measured, verbose)


def _sound(file: Looked, hidden: int) -> str:
    """What is said of a model that nothing was found in: a plain network that was measured is not called sound."""
    is_plain = not file.blocks and any(getattr(one, "plain", False) for one in file.measured)
    return _seen(file) if is_plain else f"{_verdict(hidden)}, {_seen(file)}"


def _seen(file: Looked) -> str:
    """What stands in a sound model, so that silence can be told from blindness."""
    return _blocks(file.kinds)


def _blocks(kinds: Mapping[str, int]) -> str:
    if not sum(kinds.values()):
        return "no residual blocks"
    named = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items(), key=lambda k: (-k[1], k[0])))
    return f"{counted(sum(kinds.values()), 'residual block')} ({named})"


def finding_lines(finding: Finding, style: Style = Style()) -> Iterator[str]:
    """One finding: a line that grep finds, then its evidence, then how sure it is and what to quote."""
    severity = click.style(str(finding.severity), fg=COLORS[finding.severity], bold=True)
    rule = _linked(finding.rule, style)
    place = plain(finding.module or finding.node)
    path = plain(finding.path)
    said = f"{path}: {place}: {finding.severity}[{finding.rule}] {plain(_said(finding))}"
    first, *rest = _grepped(said, style)
    styled = first.replace(path, click.style(path, bold=True), 1)
    yield styled.replace(f"{finding.severity}[{finding.rule}]", f"{severity}[{rule}]", 1)
    yield from (line.replace(f"{finding.severity}[{finding.rule}]", f"{severity}[{rule}]", 1) for line in rest)
    rows = [*finding.lines, *_related(finding), *_numbers(finding, style.verbose)]
    widest = max((len(plain(label)) for label, _ in rows), default=0)
    for label, says in rows:
        yield from _row(f"{plain(label):<{widest}}", plain(says), style)
    if finding.file:
        yield from _row(f"{plain(f'{finding.file}:{finding.line}'):<{_FIRST_COLUMN}}", plain(finding.code), style)
    if finding.help:
        yield from _wrapped(f"{_INDENT}help: {plain(finding.help)}", style, f"{_INDENT}      ")
    known = f"{finding.confidence} · {finding.fingerprint[:6]} · tensor {plain(finding.tensor)}"
    for line in _wrapped(f"{_INDENT}{known}", style, _INDENT):
        yield f"{_INDENT}{click.style(line.removeprefix(_INDENT), dim=True)}"


def _grepped(text: str, style: Style) -> Iterator[str]:
    """A line that grep finds whole; a terminal would break it in the middle of a word, so that there it is wrapped."""
    return _wrapped(text, style, _INDENT) if style.wraps else iter((text,))


def _row(label: str, says: str, style: Style) -> Iterator[str]:
    """A label and what it says; where there is no room beside the label, it stands on the lines below."""
    beside = f"{_INDENT}{label}  "
    if len(beside) > style.width // 2:
        yield f"{_INDENT}{label}".rstrip()
        yield from _wrapped(f"{_INDENT}{_INDENT}{says}", style, f"{_INDENT}{_INDENT}") if says else ()
    else:
        yield from _wrapped(f"{beside}{says}".rstrip(), style, " " * len(beside))


def _wrapped(text: str, style: Style, indent: str) -> Iterator[str]:
    """The text on lines of the style's width, broken between words only: never in a word, a path or a shape."""
    whole = _UNBROKEN.sub(lambda found: found[0].replace(" ", _JOINED), text)
    wrapper = TextWrapper(
        width=max(style.width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    for line in wrapper.wrap(whole):
        yield line.replace(_JOINED, " ")


def _linked(rule: str, style: Style) -> str:
    """The rule's name, as a hyperlink to its page where the terminal has them (OSC 8)."""
    if not style.pages or rule in style.unlinked:
        return rule
    return f"\x1b]8;;{style.pages}/{rule}\x1b\\{rule}\x1b]8;;\x1b\\"


def _said(finding: Finding) -> str:
    """The message, without the module where it says that again: the line has begun with it."""
    if not finding.module:
        return finding.message
    return re.sub(rf"( of|, first at) {re.escape(finding.module)}(?![\w.])", "", finding.message, count=1)


def _related(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.related:
        named = ", ".join(finding.related[:_NAMED])
        more = len(finding.related) - _NAMED
        yield "also at", f"{named} and {more} more" if more > 0 else named


def _numbers(finding: Finding, verbose: bool) -> Iterator[tuple[str, str]]:
    if verbose:
        yield from ((name, str(value)) for name, value in finding.evidence.items())


def closing(report: Report) -> str:
    """What was looked at and found, as one line; what there is none of is left out."""
    kinds: Counter[str] = Counter()
    for file in report.files:
        kinds.update(file.kinds)
    looked = f"{counted(len(report.files), 'model')}, {_blocks(kinds)}"
    return f"{looked}: {', '.join(counts(report))} ({report.seconds:.1f} s)"
