"""The options of `reslint fleet`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import click

from reslint.cli.options.common import Models
from reslint.cli.options.declare import FORMAT, Argument, Option

_ONE_OR_MORE = click.IntRange(min=1)


@dataclass(frozen=True, kw_only=True)
class FleetOptions(Models):
    """What a user asks `reslint fleet` for."""

    heading = "Fleet"

    paths: Annotated[tuple[str, ...], Argument("SOURCE...")] = ()
    out: Annotated[str | None, Option("The folder or address that the tables go to.", metavar="DIR")] = None
    resume: Annotated[bool, Option("Go on with tables that are there; what has not changed is not read again.")] = False
    engine: Annotated[
        Literal["local", "ray"], Option("Who shares the work out: processes of this machine, or Ray.")
    ] = "local"
    workers: Annotated[int | None, Option("Processes; default: one for each core.", type=_ONE_OR_MORE)] = None
    sample: Annotated[int | None, Option("Look at so many of the models, drawn by chance.", type=_ONE_OR_MORE)] = None
    batch: Annotated[int, Option("Models that are written at once.", type=_ONE_OR_MORE)] = 500
    baseline: Annotated[Path | None, Option("Leave out the findings of this baseline.", metavar="FILE")] = None
    since: Annotated[
        str | None, Option("With report: tell what is new since the tables of another run.", metavar="DIR")
    ] = None
    format: Annotated[Literal["text", "markdown", "html"], FORMAT] = "text"

    @property
    def reported(self) -> str | None:
        """The tables that a report is asked for of; None where models are to be looked at."""
        return self.paths[1] if len(self.paths) == 2 and self.paths[0] == "report" else None

    def ready(self) -> Self:
        if self.paths[:1] == ("report",) and self.reported is None:
            raise click.UsageError("report takes one folder: reslint fleet report DIR")
        if self.reported is None and not self.out:
            raise click.UsageError("name where the tables go: reslint fleet SOURCE... --out DIR")
        if self.reported is None and (self.since or self.format != "text"):
            raise click.UsageError("--since and --format go with reslint fleet report DIR")
        return super().ready()
