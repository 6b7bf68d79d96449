"""A Report and the name of a format in, text out; a format's module, and the library that it needs, are imported when asked."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reslint.cli.output.streams import colored
from reslint.errors import BadConfiguration

if TYPE_CHECKING:
    from reslint.result import Report

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown", "html", "model-explorer")

_HOMES = {"html": "reslint.report.html", "flow_json": "reslint.report.flow.json", "flow_svg": "reslint.report.flow.svg"}

DRAWN = frozenset({"html", "model-explorer"})
"""The formats that show the models themselves and not only what was found in them."""


def rendered(report: Report, style: str, file: str | None, color: str, verbose: bool) -> str:
    """The report in one format.

    Raises BadConfiguration where the format's library is not installed.
    """
    if style == "text":
        from reslint.report.check import text

        return text.render(report, color=colored(color, file), verbose=verbose)
    try:
        module = import_module(_HOMES.get(style) or f"reslint.report.check.{style.replace('-', '_')}")
    except ModuleNotFoundError as missing:
        raise BadConfiguration(f"the format {style} needs {missing.name}: pip install 'reslint[{style}]'") from missing
    text_of: str = module.render(report)
    return text_of
