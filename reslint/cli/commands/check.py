"""`reslint check`: model files in, findings out."""

from __future__ import annotations

import time
from pathlib import Path

import click

from reslint.cli import pages
from reslint.cli.inputs.export_options import exporting
from reslint.cli.options import Options, shared
from reslint.cli.output.formats import FORMATS, reports


@click.command("check")
@reports
@click.option("--show-settings", is_flag=True, help="Print what applies to each model and where it comes from.")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Don't tell what this file knows.")
@click.option("--write-baseline", type=click.Path(path_type=Path), metavar="FILE", help="Make all findings known.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule (text and json).")
@click.option("--fix", is_flag=True, help="Mend what needs no learned weights, in the files themselves.")
@click.option("--diff", is_flag=True, help="Only show what --fix would do.")
@click.option(
    "--explain-passes",
    metavar="RULE",
    shell_complete=pages.rule,
    help="Say why this rule did not fire where it came near (text and json).",
)
@exporting
@shared(*FORMATS)
def command(options: Options) -> int:
    """Check models against the rules.

    PATH is a model file, a folder to search, a glob, or a PyTorch model: module:factory, or a .pt2 file. The exit status is
    0 when all was looked at and nothing found, 1 on findings, 2 when something could not be looked at.
    """
    if options.baseline and options.write_baseline:
        raise click.UsageError("--write-baseline reads its own file: leave out --baseline")
    for asked, name in ((options.statistics, "--statistics"), (options.explain_passes, "--explain-passes")):
        if asked and options.style not in ("text", "json"):
            raise click.UsageError(f"{name} is text or json: leave out --format {options.style}")
    for asked, name in ((options.show_settings, "--show-settings"), (options.diff, "--diff")):
        if asked and options.style != "text":
            raise click.UsageError(f"{name} is text: leave out --format {options.style}")
    for asked, name in (
        (options.show_settings, "--show-settings"),
        (options.diff, "--diff"),
        (options.explain_passes, "--explain-passes"),
    ):
        if asked and options.reports:
            raise click.UsageError(f"{name} looks for no findings to report: leave out --report")
    if options.show_settings:
        from reslint.cli.actions.show_settings import shown

        return shown(options)
    if options.explain_passes:
        from reslint.cli.actions.explain_passes import passing

        return passing(options, options.explain_passes)
    if options.fix or options.diff:
        from reslint.cli.actions.fix import checked, edits

        return edits(options) if options.diff else checked(options)
    start = time.perf_counter()  # the import is a part of what the user waits for
    from reslint.cli.actions.check import check

    return check(options, start)
