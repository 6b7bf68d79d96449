"""Formats by name; the module of a format, and the library that it needs, are imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reslint.cli.output.streams import colored, terminal
from reslint.version import PAGES

if TYPE_CHECKING:
    from reslint.result import Report

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "html", "model-explorer")

_HOMES = {"html": "reslint.report.html", "flow_json": "reslint.report.flow.json", "flow_svg": "reslint.report.flow.svg"}

DRAWN = frozenset({"html", "model-explorer"})
"""The formats that show the models themselves and not only what was found in them."""


def rendered(report: Report, style: str, file: str | None, color: str, verbose: bool, quiet: bool = False) -> str:
    """The report in one format; `file` is where it goes, None for standard output."""
    if style == "text":
        from reslint.report.check import text

        at = terminal(file)
        pages = PAGES if at.hyperlinks and colored(color, file) else ""
        own = frozenset(rule.name for rule in report.rules if rule.origin)
        return text.render(report, text.Style(colored(color, file), verbose, quiet, at.width, at.wraps, pages, own))
    module = import_module(_HOMES.get(style) or f"reslint.report.check.{style.replace('-', '_')}")
    text_of: str = module.render(report)
    return text_of
