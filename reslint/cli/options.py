"""The options that several commands share in, one value with them and the configuration out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import click

from reslint.cli import pages
from reslint.cli.output.streams import note
from reslint.cli.targets import unknown
from reslint.config import CONFIDENCE, FAIL_ON, PROFILES, UNREAD, Config, load
from reslint.settings import Factory


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; `config` is what the configuration file says, overridden by the command line."""

    paths: tuple[str, ...]
    style: str
    output: str | None
    config: Config
    quiet: bool
    verbose: bool
    color: str
    signature: bool = False
    reports: tuple[tuple[str, str], ...] = ()
    show_settings: bool = False
    baseline: Path | None = None
    write_baseline: Path | None = None
    no_cache: bool = False
    statistics: bool = False
    fix: bool = False
    diff: bool = False
    explain_passes: str | None = None

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        """The files that are to be written, each under its option."""
        yield from (("--output", self.output),) if self.output else ()
        yield from (("--report", file) for _, file in self.reports)
        yield from (("--write-baseline", str(self.write_baseline)),) if self.write_baseline else ()


def _listed(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _choosing(option: str, says: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """An option that takes rules and families."""
    return click.option(
        option, multiple=True, callback=_listed, metavar="RULE", shell_complete=pages.selector, help=says
    )


_SHARED = (
    click.argument("paths", nargs=-1, metavar="[PATH...]"),
    click.option("--output", metavar="FILE", help="Write the result to FILE instead of standard output."),
    _choosing("--select", "Only these rules or families."),
    _choosing("--ignore", "Not these rules or families."),
    click.option("--fail-on", type=click.Choice(FAIL_ON), help="The least severity that makes the exit status 1."),
    click.option("--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read this configuration."),
    click.option("--profile", type=click.Choice(PROFILES), help="Rules for shipped models, or those for designs, too."),
    click.option("--target", metavar="NAME", help="What will run the model: tensorrt, ort-cuda, ort-cpu, ..."),
    click.option("--unread", type=click.Choice(UNREAD), help="What a model that was not fetched (git LFS) is."),
    click.option("--confidence", type=click.Choice(CONFIDENCE), help="Show findings that are at least so sure."),
    click.option("--no-cache", is_flag=True, help="Look at every file anew."),
    click.option("--quiet", "-q", is_flag=True, help="Nothing on standard error but errors."),
    click.option("--verbose", "-v", is_flag=True, help="Say more: evidence, and why each merge is what it is."),
    click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True),
)


def shared(*styles: str) -> Callable[[Callable[[Options], int]], Callable[..., int]]:
    """Give a command the shared options, with these formats; it gets them as one value."""
    style = click.option("--format", "style", type=click.Choice(styles), default=styles[0], show_default=True)

    def given(run: Callable[[Options], int]) -> Callable[..., int]:
        wrapped = _taking(run)
        for option in reversed((_SHARED[0], style, *_SHARED[1:])):
            wrapped = option(wrapped)
        return wrapped

    return given


_CONFIGURED = (
    "profile",
    "target",
    "fail_on",
    "unread",
    "confidence",
)  # options that are keys of the configuration, too


def _taking(run: Callable[[Options], int]) -> Callable[..., int]:
    """The command as click calls it: each option on its own."""

    @wraps(run)
    def taken(
        *,
        paths: tuple[str, ...],
        style: str,
        output: str | None,
        file: Path | None,
        select: tuple[str, ...],
        ignore: tuple[str, ...],
        quiet: bool,
        verbose: bool,
        color: str,
        no_cache: bool,
        signature: bool = False,
        reports: tuple[tuple[str, str], ...] = (),
        show_settings: bool = False,
        baseline: Path | None = None,
        write_baseline: Path | None = None,
        statistics: bool = False,
        fix: bool = False,
        diff: bool = False,
        explain_passes: str | None = None,
        factory: Factory | None = None,
        **choices: str | None,
    ) -> int:
        if output in [report for _, report in reports]:
            raise click.UsageError(f"--output and --report both name {output}")
        given = {key.replace("_", "-"): choices[key] for key in _CONFIGURED if choices.get(key) is not None}
        lists = {key: list(names) for key, names in (("select", select), ("ignore", ignore)) if names}
        config = load(file, Path.cwd(), {**given, **lists}, factory)
        for who, line in () if quiet else unknown(config):
            note(who, line)
        own = (
            signature,
            reports,
            show_settings,
            baseline,
            write_baseline,
            no_cache,
            statistics,
            fix,
            diff,
            explain_passes,
        )
        return run(Options(paths, style, output, config, quiet, verbose, color, *own))

    return taken
