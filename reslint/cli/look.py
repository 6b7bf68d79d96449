"""Model files in, their anatomies out, one at a time; what could not be read gets its line on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reslint.anatomy import Anatomy, dissect
from reslint.cli.models import models
from reslint.cli.options import Options
from reslint.cli.output import error, note
from reslint.cli.progress import progress
from reslint.cli.unread import shortened
from reslint.errors import NotFetched, ReslintError, RunFailed, UnknownRule, UnreadableModel
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


def chosen(options: Options, *, measured: bool = False) -> tuple[Rule, ...]:
    """The rules that the options select. Raises UnknownRule where all are the other command's: silence would mislead."""
    config = options.config
    rules = choose(ALL, config.select, config.ignore, config.profile)
    if config.select and rules and all((rule.subject is Anatomy) is measured for rule in rules):
        raise UnknownRule(
            "the selected rules need no run; use: reslint check" if measured else "the selected rules need: reslint run"
        )
    return rules


Judge = Callable[[str, Anatomy], tuple[Finding, ...]]


def look(options: Options, rules: Sequence[Rule], judge: Judge | None = None) -> Iterator[Seen]:
    """Look at all files that the options mean, with these rules, or as `judge` does."""
    judge = judge or _judge(options, rules)
    found = models(options.paths, options.config)
    unread: list[tuple[str, str]] = []
    for path in progress(tuple(found), options.quiet):
        missing = found[path]
        seen = _failed(path, UnreadableModel(missing), options) if missing else _seen(path, options, judge)
        unread.extend((path, line) for line in (seen.anatomy.net.unread if seen.anatomy else ()))
        yield seen
    for who, line in () if options.quiet else unread if options.verbose else shortened(unread):
        note(who, line)


def _judge(options: Options, rules: Sequence[Rule]) -> Judge:
    config = options.config
    return lambda path, anatomy: tuple(lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence)))


def _seen(path: str, options: Options, judge: Judge) -> Seen:
    try:
        anatomy = dissect(read(Path(path)))
        findings = judge(path, anatomy)
    except (UnreadableModel, RunFailed) as problem:
        return _failed(path, problem, options)
    except Exception as bug:
        bug.add_note(f"while looking at {path}")
        raise
    return Seen(path, anatomy, findings)


def _failed(path: str, problem: ReslintError, options: Options) -> Seen:
    fails = not (isinstance(problem, NotFetched) and options.config.unread == "note")
    if fails:
        error(path, str(problem))
    elif not options.quiet:
        note(path, str(problem))
    return Seen(path, None, error=str(problem), fails=fails)
