"""Model files in, their anatomies out, one at a time; what could not be read gets its line on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reslint.allow import allowed, idle
from reslint.anatomy import Anatomy, dissect
from reslint.baseline import Ran
from reslint.cli.models import models
from reslint.cli.options import Options
from reslint.cli.output import error, note
from reslint.cli.progress import progress
from reslint.cli.unread import shortened
from reslint.config import Config
from reslint.errors import NotFetched, UnknownRule, UnreadableModel
from reslint.finding import Confidence, Finding
from reslint.lint import choose, lint, nearest, regraded
from reslint.net import read
from reslint.rules import ALL, Rule
from reslint.settings import Allowance

NOT_LOOKED_AT = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One file: its anatomy and findings, or why there are none, and whether that must fail the run."""

    path: str
    anatomy: Anatomy | None
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    fails: bool = False
    suppressed: int = 0
    ran: Ran | None = None


def chosen(config: Config) -> tuple[Rule, ...]:
    """The rules that a configuration selects."""
    return choose(ALL, config.select, config.ignore, config.profile)


def refuse_unknown_rules(config: Config) -> None:
    """Raise UnknownRule for any rule that the configuration names for any model, before the first one is looked at."""
    known = {rule.name for rule in ALL}
    for one in (config, *config.of_models()):
        chosen(one)
        for name in (*one.severity, *(entry.rule for entry in one.allow)):
            if name not in known:
                raise UnknownRule(f"no rule is called {name!r}{nearest(name, known)}")


def look(options: Options, bare: bool = False) -> Iterator[Seen]:
    """Look at all files that the options mean, with the rules that each one's settings select; with none if `bare`."""
    refuse_unknown_rules(options.config)
    found = models(options.paths, options.config)
    ran: dict[str, frozenset[str]] = {}
    used: set[Allowance] = set()
    today = date.today()
    unread: list[tuple[str, str]] = []
    for path in progress(tuple(found), options.quiet):
        missing = found[path]
        config = options.config.at(path)
        rules = () if bare else chosen(config)
        if missing:
            seen = _failed(path, UnreadableModel(missing), options)
        else:
            seen, of_use = _seen(path, options, config, rules, today)
            ran |= {path: seen.ran.rules} if seen.ran else {}
            used |= of_use
        unread.extend((path, line) for line in (seen.anatomy.net.unread if seen.anatomy else ()))
        yield seen
    for who, line in () if options.quiet else unread if options.verbose else shortened(unread):
        note(who, line)
    for line in () if options.quiet or bare else idle(options.config, ran, used, today):
        note(str(options.config.file), line)


def _seen(
    path: str, options: Options, config: Config, rules: Sequence[Rule], today: date
) -> tuple[Seen, frozenset[Allowance]]:
    """One file, and the entries of the configuration that allow something in it."""
    try:
        anatomy = dissect(read(Path(path)))
        found = lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence))
        left = allowed(regraded(found, config.severity), config, today)
    except UnreadableModel as problem:
        return _failed(path, problem, options), frozenset()
    except Exception as bug:
        bug.add_note(f"while looking at {path}")
        raise
    ran = Ran(frozenset(rule.name for rule in rules), Confidence(config.confidence))
    return Seen(path, anatomy, left.findings, suppressed=left.suppressed, ran=ran), left.used


def _failed(path: str, problem: UnreadableModel, options: Options) -> Seen:
    fails = not (isinstance(problem, NotFetched) and options.config.at(path).unread == "note")
    if fails:
        error(path, str(problem))
    elif not options.quiet:
        note(path, str(problem))
    return Seen(path, None, error=str(problem), fails=fails)
