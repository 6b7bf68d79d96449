"""A Report and the name of a format in, text out; a format's module, and the library that it needs, are imported when asked."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

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


def listed(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`sarif=out.sarif`, repeated, as pairs of a format and a file."""
    pairs = [(style, file) for style, _, file in (value.partition("=") for value in values)]
    for style, file in pairs:
        if style not in FORMATS or not file:
            raise click.BadParameter(f"is FORMAT=FILE with one of {', '.join(FORMATS)}, like sarif=out.sarif")
    files = [file for _, file in pairs]
    if len(set(files)) < len(files):
        raise click.BadParameter("names one file twice")
    return tuple(pairs)


reports = click.option(
    "--report",
    "reports",
    multiple=True,
    callback=listed,
    metavar="FORMAT=FILE",
    help="Write a report in another format to FILE, too; repeatable.",
)
"""The option of commands that write several reports in one go."""
