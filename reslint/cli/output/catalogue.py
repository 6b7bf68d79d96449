"""What is known of each rule, as a table by family, as a heading over its page, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from reslint.cli.output.streams import Terminal

if TYPE_CHECKING:
    from reslint.rules import Rule

_SEVERITY_COLUMNS = 8


def entry(rule: Rule) -> Mapping[str, object]:
    """A rule as plain values."""
    from reslint.look import needs

    return {
        "name": rule.name,
        "family": rule.family,
        "severity": str(rule.severity),
        "confidence": str(rule.confidence),
        "profiles": ["design"] if rule.design else ["ship", "design"],
        "fixable": rule.fixable,
        "command": needs(rule),
        "origin": rule.origin or "reslint",
        "summary": rule.summary,
    }


def facts(rule: Rule) -> str:
    """`warning · likely · family norm · profile design · by reslint run`: what stands over a rule's page."""
    known = entry(rule)
    parts = [str(rule.severity), str(rule.confidence), f"family {rule.family}"]
    parts.append("profile design only" if rule.design else "profiles ship and design")
    parts.append("fixable by --fix" if rule.fixable else "not fixable")
    parts.append(f"needs reslint {known['command']}" if known["command"] != "check" else "static: needs no run")
    return " · ".join(parts)


def table(rules: Sequence[Rule], width: int) -> Iterator[str]:
    """The rules by family, within so many columns: name, severity, confidence, and what each finds."""
    families: dict[str, list[Rule]] = {}
    for rule in rules:
        families.setdefault(rule.family, []).append(rule)
    names = max(len(rule.name) for rule in rules)
    for family, members in families.items():
        yield click.style(family, bold=True)
        for rule in members:
            yield from _row(rule, names, width)
        yield ""
    yield "D: runs only with --profile design, or when named. `reslint explain RULE` prints a rule's page."


def _row(rule: Rule, names: int, width: int) -> Iterator[str]:
    mark = "D" if rule.design else " "
    left = f"  {rule.name:<{names}}  {rule.severity!s:<{_SEVERITY_COLUMNS}}{rule.confidence!s:<10}{mark}  "
    room = width - len(left)
    if room < 30:  # a narrow terminal has the summary on lines of its own
        yield left.rstrip()
        yield from (f"      {line}" for line in wrap(rule.summary, max(width - 6, 20), break_long_words=False))
        return
    for number, line in enumerate(wrap(rule.summary, room, break_long_words=False, break_on_hyphens=False)):
        yield f"{left if not number else ' ' * len(left)}{line}"


def page(rule: Rule, markdown: str, at: Terminal, color: bool) -> str:
    """A rule's page as a terminal shows it: headings, lists and code; what is known of the rule stands under its name."""
    from rich.console import Console
    from rich.markdown import Markdown

    title, _, body = markdown.partition("\n")
    shown = StringIO()
    console = Console(file=shown, width=at.width, force_terminal=color, no_color=not color, highlight=False)
    console.print(f"[bold]{title.lstrip('# ')}[/bold]  {facts(rule)}", soft_wrap=False)
    console.print(Markdown(body.strip(), code_theme="ansi_dark", hyperlinks=at.hyperlinks))
    return "".join(f"{line.rstrip()}\n" for line in shown.getvalue().splitlines())
