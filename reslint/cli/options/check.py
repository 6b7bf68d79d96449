"""The options of `reslint check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import click

from reslint.cli import pages
from reslint.cli.options.common import Exporting, Judging
from reslint.cli.options.declare import Option
from reslint.cli.output.streams import note


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Judging, Exporting):
    """What a user asks `reslint check` for."""

    show_settings: Annotated[bool, Option("Print the settings of each model and where they come from.")] = False
    show_files: Annotated[bool, Option("List the models that would be checked; check none.")] = False
    changed_only: Annotated[bool, Option("Check only models with changes that are not committed to git.")] = False
    base_ref: Annotated[
        str | None, Option("With --changed-only: also the changes since this branch or commit.", metavar="REF")
    ] = None
    statistics: Annotated[bool, Option("Count the findings of each rule (text and json).")] = False
    fix: Annotated[bool, Option("Fix what can be fixed without learned weights; edits the files.")] = False
    diff: Annotated[bool, Option("Show what --fix would change; change nothing.")] = False
    explain_passes: Annotated[
        str | None,
        Option(
            "Say where this rule nearly fired and why it did not (text and json).", metavar="RULE", complete=pages.rule
        ),
    ] = None

    def narrowed(self, found: tuple[str, ...]) -> tuple[str, ...]:
        if not self.changed_only:
            return found
        from reslint.cli.inputs.changed import changed  # few runs start git

        left = changed(found, self.base_ref)
        if found and not left and not self.quiet:
            note("--changed-only", "no model has changed")
        return left

    def ready(self) -> Self:
        """Refuse what can't be shown together."""
        if self.base_ref and not self.changed_only:
            raise click.UsageError("--base-ref needs --changed-only")
        for asked, name in ((self.statistics, "--statistics"), (self.explain_passes, "--explain-passes")):
            if asked and self.format not in ("text", "json"):
                raise click.UsageError(f"{name} prints text or json: remove --format {self.format}")
        for asked, name in (
            (self.show_settings, "--show-settings"),
            (self.show_files, "--show-files"),
            (self.diff, "--diff"),
        ):
            if asked and self.format != "text":
                raise click.UsageError(f"{name} prints text: remove --format {self.format}")
        for asked, name in (
            (self.show_settings, "--show-settings"),
            (self.show_files, "--show-files"),
            (self.diff, "--diff"),
            (self.explain_passes, "--explain-passes"),
        ):
            if asked and self.report:
                raise click.UsageError(f"{name} reports no findings: remove --report")
        return super().ready()
