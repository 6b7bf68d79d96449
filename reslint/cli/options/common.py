"""The options that several commands have, and what they mean together with the configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, Self

import click

from reslint.cli import pages
from reslint.cli.options.declare import FORMAT, Argument, Asked, Option
from reslint.cli.output.formats import DRAWN, FORMATS
from reslint.cli.output.streams import note
from reslint.cli.targets import unknown
from reslint.config import CONFIDENCE, FAIL_ON, PROFILES, UNREAD, Config, load
from reslint.keys import EXPORTERS
from reslint.settings import Factory

_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


@dataclass(frozen=True, kw_only=True)
class Quiet(Asked):
    """What every command that reads models has."""

    heading = "Output"

    config: Annotated[Path | None, Option("Read this configuration file.", metavar="FILE")] = None
    quiet: Annotated[bool, Option("Write only errors to standard error.", short="q")] = False


@dataclass(frozen=True, kw_only=True)
class Colored(Quiet):
    """Where a result goes, and whether it is colored."""

    heading = "Output"

    output: Annotated[
        str | None, Option("Write the result to FILE instead of standard output.", short="o", metavar="FILE")
    ] = None
    color: Annotated[Literal["auto", "always", "never"], Option("When to use color.")] = "auto"


@dataclass(frozen=True, kw_only=True)
class Exporting(Asked):
    """How a PyTorch model is exported."""

    heading = "PyTorch models"

    input: Annotated[tuple[str, ...], Option("An example input; repeatable.", metavar="NAME=SHAPE:DTYPE")] = ()
    kwargs: Annotated[str, Option("The keyword arguments of the factory.", metavar="JSON")] = ""
    dynamic: Annotated[
        tuple[str, ...],
        Option("A dynamic axis: batch, seq, NAME=AXIS or INPUT:AXIS=NAME.", metavar="AXIS"),
    ] = ()
    fake: Annotated[bool, Option("Build the module without its weights.")] = False
    exporter: Annotated[
        str | None,
        Option("The exporter; default: dynamo, else torchscript.", type=click.Choice(EXPORTERS)),
    ] = None
    opset: Annotated[int | None, Option("The version of the ONNX operator set.", type=click.IntRange(min=7))] = None

    def factory(self) -> Factory:
        """What goes before the configuration's word on PyTorch models; it has no target."""
        return Factory("", self.input, self.kwargs, self.dynamic, self.fake, self.exporter or "", self.opset)


@dataclass(frozen=True, kw_only=True)
class Models(Colored):
    """Which models are looked at, and with which rules. `configuration` is what the file says, overridden by the options."""

    heading = "Models and rules"

    paths: Annotated[tuple[str, ...], Argument("[PATH...]")] = ()
    select: Annotated[
        tuple[str, ...],
        Option("Run only these rules or families.", metavar="RULE", listed=True, complete=pages.selector),
    ] = ()
    ignore: Annotated[
        tuple[str, ...], Option("Skip these rules or families.", metavar="RULE", listed=True, complete=pages.selector)
    ] = ()
    fail_on: Annotated[
        str | None, Option("The lowest severity that makes the exit status 1.", type=click.Choice(FAIL_ON))
    ] = None
    profile: Annotated[
        str | None,
        Option(
            "ship: the rules for trained models; design: also those for models before training.",
            type=click.Choice(PROFILES),
        ),
    ] = None
    target: Annotated[
        str | None, Option("The runtime that will run the model: tensorrt, ort-cuda, ort-cpu, ...", metavar="NAME")
    ] = None
    unread: Annotated[
        str | None, Option("How to report a model that git LFS has not fetched.", type=click.Choice(UNREAD))
    ] = None
    confidence: Annotated[
        str | None, Option("Show findings that are at least this certain.", type=click.Choice(CONFIDENCE))
    ] = None
    limit_memory: Annotated[
        float | None,
        Option("The memory that one file may take, in GB; default: 8.", metavar="GB", type=_ABOVE_ZERO),
    ] = None
    limit_seconds: Annotated[
        float | None,
        Option("The seconds that one file may take; default: 120.", metavar="SECONDS", type=_ABOVE_ZERO),
    ] = None
    max_download: Annotated[
        float | None,
        Option(
            "What a server that gives whole files only may send of one file, in GB; default: 1.",
            metavar="GB",
            type=_ABOVE_ZERO,
        ),
    ] = None
    exclude: Annotated[
        tuple[str, ...], Option("Skip models in folders and globs that match this glob; repeatable.", metavar="GLOB")
    ] = ()
    no_ignore: Annotated[bool, Option("Also search what git ignores and what tools create or install.")] = False
    no_cache: Annotated[bool, Option("Check every file again; use no cached results.")] = False
    verbose: Annotated[bool, Option("Show more evidence, and why each merge is what it is.", short="v")] = False
    configuration: Config = field(default_factory=Config)

    @property
    def style(self) -> str:
        """The format of the result."""
        return "text"

    @property
    def reports(self) -> tuple[tuple[str, str], ...]:
        """The formats and files of the reports beside the result."""
        return ()

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        """The files that are to be written, each with its option."""
        yield from (("--output", self.output),) if self.output else ()

    def settings_of(self, path: str) -> Config:
        """What the configuration nearest to a model says of it."""
        return self.configuration.nearest(path).at(path)

    def narrowed(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the models that were found that the command is to look at."""
        return found

    @property
    def drawn(self) -> bool:
        """Whether a format is asked for that draws portraits of the models."""
        return any(style in DRAWN for style in (self.style, *(style for style, _ in self.reports)))

    def ready(self) -> Self:
        """With the configuration; a target that no rule knows is told."""
        if self.output in [file for _, file in self.reports]:
            raise click.UsageError(f"--output and --report both name {self.output}")
        said: dict[str, object] = {
            "profile": self.profile,
            "target": self.target,
            "fail-on": self.fail_on,
            "unread": self.unread,
            "confidence": self.confidence,
            "limit-memory": self.limit_memory,
            "limit-seconds": self.limit_seconds,
            "max-download": self.max_download,
            "select": list(self.select) or None,
            "ignore": list(self.ignore) or None,
        }
        given = {key: value for key, value in said.items() if value is not None}
        factory = self.factory() if isinstance(self, Exporting) else None
        configuration = load(self.config, Path.cwd(), given, factory)
        for who, line in () if self.quiet else unknown(configuration):
            note(who, line)
        return replace(self, configuration=configuration)


def _report(text: str) -> tuple[str, str]:
    """The format and the file of `sarif=out.sarif`."""
    style, _, file = text.partition("=")
    if style not in FORMATS or not file:
        raise click.BadParameter(f"must be FORMAT=FILE with one of {', '.join(FORMATS)}, such as sarif=out.sarif")
    return style, file


@dataclass(frozen=True, kw_only=True)
class Judging(Models):
    """Where findings are reported, and which of them are known."""

    heading = "Reports and baselines"

    report: Annotated[
        tuple[tuple[str, str], ...],
        Option("Also write a report in this format to FILE; repeatable.", metavar="FORMAT=FILE", type=_report),
    ] = ()
    baseline: Annotated[Path | None, Option("Report only findings that are not in this baseline.", metavar="FILE")] = (
        None
    )
    write_baseline: Annotated[Path | None, Option("Write all findings to this baseline.", metavar="FILE")] = None
    format: Annotated[str, replace(FORMAT, type=click.Choice(FORMATS))] = "text"

    @property
    def style(self) -> str:
        return self.format

    @property
    def reports(self) -> tuple[tuple[str, str], ...]:
        return self.report

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        yield from super().written
        yield from (("--report", file) for _, file in self.report)
        yield from (("--write-baseline", str(self.write_baseline)),) if self.write_baseline else ()

    def ready(self) -> Self:
        files = [file for _, file in self.report]
        if len(set(files)) < len(files):
            raise click.BadParameter("names one file twice", param_hint="'--report'")
        if self.baseline and self.write_baseline:
            raise click.UsageError("--write-baseline reads its own file: remove --baseline")
        return super().ready()
