"""The options of `reslint check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import click

from reslint.cli import pages
from reslint.cli.options.common import Exporting, Judging
from reslint.cli.options.declare import Option


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Judging, Exporting):
    """What a user asks `reslint check` for."""

    show_settings: Annotated[bool, Option("Print the settings of each model and where they come from.")] = False
    statistics: Annotated[bool, Option("Count the findings of each rule (text and json).")] = False
    fix: Annotated[bool, Option("Edit the files where a finding can be fixed without learned weights.")] = False
    diff: Annotated[bool, Option("Show what --fix would change, and change nothing.")] = False
    explain_passes: Annotated[
        str | None,
        Option(
            "Say why this rule did not fire where it came near (text and json).", metavar="RULE", complete=pages.rule
        ),
    ] = None

    def ready(self) -> Self:
        """Refuse what can't be shown together."""
        for asked, name in ((self.statistics, "--statistics"), (self.explain_passes, "--explain-passes")):
            if asked and self.format not in ("text", "json"):
                raise click.UsageError(f"{name} is text or json: leave out --format {self.format}")
        for asked, name in ((self.show_settings, "--show-settings"), (self.diff, "--diff")):
            if asked and self.format != "text":
                raise click.UsageError(f"{name} is text: leave out --format {self.format}")
        for asked, name in (
            (self.show_settings, "--show-settings"),
            (self.diff, "--diff"),
            (self.explain_passes, "--explain-passes"),
        ):
            if asked and self.report:
                raise click.UsageError(f"{name} looks for no findings to report: leave out --report")
        return super().ready()
