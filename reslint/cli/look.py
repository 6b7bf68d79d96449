"""Model files in, their anatomies out, one at a time; what could not be read gets its line on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reslint.anatomy import Anatomy, dissect
from reslint.cli.models import models
from reslint.cli.options import Options
from reslint.cli.output import error, note
from reslint.cli.progress import progress
from reslint.cli.unread import shortened
from reslint.errors import NotFetched, UnreadableModel
from reslint.finding import Confidence, Finding
from reslint.lint import choose, lint
from reslint.net import read
from reslint.rules import ALL, Rule

NOT_LOOKED_AT = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One file: its anatomy and findings, or why there are none, and whether that must fail the run."""

    path: str
    anatomy: Anatomy | None
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    fails: bool = False


def chosen(options: Options) -> tuple[Rule, ...]:
    """The rules that the options select."""
    config = options.config
    return choose(ALL, config.select, config.ignore, config.profile)


def look(options: Options, rules: Sequence[Rule]) -> Iterator[Seen]:
    """Look at all files that the options mean, with these rules."""
    found = models(options.paths, options.config)
    unread: list[tuple[str, str]] = []
    for path in progress(tuple(found), options.quiet):
        missing = found[path]
        seen = _failed(path, UnreadableModel(missing), options) if missing else _seen(path, options, rules)
        unread.extend((path, line) for line in (seen.anatomy.net.unread if seen.anatomy else ()))
        yield seen
    for who, line in () if options.quiet else unread if options.verbose else shortened(unread):
        note(who, line)


def _seen(path: str, options: Options, rules: Sequence[Rule]) -> Seen:
    config = options.config
    settings = config.settings(path)
    try:
        anatomy = dissect(read(Path(path)))
        findings = tuple(lint(anatomy, rules, settings, path, Confidence(config.confidence)))
    except UnreadableModel as problem:
        return _failed(path, problem, options)
    except Exception as bug:
        bug.add_note(f"while looking at {path}")
        raise
    return Seen(path, anatomy, findings)


def _failed(path: str, problem: UnreadableModel, options: Options) -> Seen:
    fails = not (isinstance(problem, NotFetched) and options.config.unread == "note")
    if fails:
        error(path, str(problem))
    elif not options.quiet:
        note(path, str(problem))
    return Seen(path, None, error=str(problem), fails=fails)
