"""Model files in, their anatomies out, one at a time; what could not be read gets its line on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from traceback import print_exception

from reslint.allow import allowed, idle
from reslint.anatomy import Anatomy, dissect
from reslint.baseline import Ran
from reslint.cli.models import models
from reslint.cli.options import Options
from reslint.cli.output import error, note
from reslint.cli.progress import progress
from reslint.cli.unread import shortened
from reslint.config import Config
from reslint.errors import NotFetched, ReslintError, RunFailed, UnknownRule, UnreadableModel
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


def chosen(config: Config, *, measured: bool = False) -> tuple[Rule, ...]:
    """The rules that a configuration selects. Raises UnknownRule where all are the other command's: silence would mislead."""
    rules = choose(ALL, config.select, config.ignore, config.profile)
    if config.select and rules and all((rule.subject is Anatomy) is measured for rule in rules):
        raise UnknownRule(
            "the selected rules need no run; use: reslint check" if measured else "the selected rules need: reslint run"
        )
    return rules


def refuse_unknown_rules(config: Config, *, measured: bool) -> None:
    """Raise UnknownRule for any rule that the configuration names for any model, before the first one is looked at."""
    known = {rule.name for rule in ALL}
    for one in (config, *config.of_models()):
        chosen(one, measured=measured)
        for name in (*one.severity, *(entry.rule for entry in one.allow)):
            if name not in known:
                raise UnknownRule(f"no rule is called {name!r}{nearest(name, known)}")


Judge = Callable[[str, Anatomy, Sequence[Rule], Config], Iterable[Finding]]


def statically(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> Iterable[Finding]:
    """What the rules find without a run."""
    return lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence))


def look(options: Options, bare: bool = False, judge: Judge = statically, *, measured: bool = False) -> Iterator[Seen]:
    """Look at all files that the options mean, with the rules that each one's settings select; with none if `bare`."""
    refuse_unknown_rules(options.config, measured=measured)
    found = models(options.paths, options.config)
    ran: dict[str, frozenset[str]] = {}
    used: set[Allowance] = set()
    today = date.today()
    unread: list[tuple[str, str]] = []
    for path in progress(tuple(found), options.quiet):
        missing = found[path]
        config = options.config.at(path)
        rules = () if bare else chosen(config, measured=measured)
        if missing:
            seen = _failed(path, UnreadableModel(missing), options)
        else:
            seen, of_use = _seen(path, options, config, rules, judge, today)
            ran |= {path: seen.ran.rules} if seen.ran else {}
            used |= of_use
        unread.extend((path, line) for line in (seen.anatomy.net.unread if seen.anatomy else ()))
        yield seen
    for who, line in () if options.quiet else unread if options.verbose else shortened(unread):
        note(who, line)
    for line in () if options.quiet or bare else idle(options.config, ran, used, today):
        note(str(options.config.file), line)


def _seen(
    path: str, options: Options, config: Config, rules: Sequence[Rule], judge: Judge, today: date
) -> tuple[Seen, frozenset[Allowance]]:
    """One file, and the entries of the configuration that allow something in it."""
    try:
        anatomy = dissect(read(Path(path)))
        found = judge(path, anatomy, rules, config)
        left = allowed(regraded(found, config.severity), config, today)
    except (UnreadableModel, RunFailed) as problem:
        return _failed(path, problem, options), frozenset()
    except Exception as bug:  # a bug keeps its traceback, but hides nothing of the other files and is no finding
        print_exception(bug)
        return _failed(
            path, UnreadableModel("made reslint itself fail, as shown above; please report it"), options
        ), frozenset()
    ran = Ran(frozenset(rule.name for rule in rules), Confidence(config.confidence))
    return Seen(path, anatomy, left.findings, suppressed=left.suppressed, ran=ran), left.used


def _failed(path: str, problem: ReslintError, options: Options) -> Seen:
    fails = not (isinstance(problem, NotFetched) and options.config.at(path).unread == "note")
    if fails:
        error(path, str(problem))
    elif not options.quiet:
        note(path, str(problem))
    return Seen(path, None, error=str(problem), fails=fails)
