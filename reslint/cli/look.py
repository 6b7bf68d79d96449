"""Model files in, their anatomies out, one at a time; what could not be read gets its line on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reslint.anatomy import Anatomy, dissect
from reslint.cli.models import models
from reslint.cli.options import Options
from reslint.cli.output import error, note
from reslint.cli.progress import progress
from reslint.errors import NotFetched, UnreadableModel
from reslint.finding import Confidence, Finding
from reslint.lint import choose, lint
from reslint.net import read
from reslint.rules import ALL, Settings

NOT_LOOKED_AT = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One file: its anatomy and findings, or why there are none, and whether that must fail the run."""

    path: str
    anatomy: Anatomy | None
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be looked at, and how: the rules are known and the paths are found before the first file is read."""

    options: Options
    paths: tuple[str, ...]
    sound: bool

    def __iter__(self) -> Iterator[Seen]:
        config = self.options.config
        rules = choose(ALL, config.select, config.ignore, config.profile)
        settings = Settings(
            "design" if config.profile == "design" else "ship", config.target, config.max_residual_blocks
        )
        least = Confidence(config.confidence)
        for path in progress(self.paths, self.options.quiet):
            try:
                anatomy = dissect(read(Path(path)))
                findings = tuple(lint(anatomy, rules, settings, path, least))
            except UnreadableModel as problem:
                yield self._failed(path, problem)
                continue
            except Exception as bug:
                bug.add_note(f"while looking at {path}")
                raise
            for line in anatomy.net.unread:
                if not self.options.quiet:
                    note(path, line)
            yield Seen(path, anatomy, findings)

    def _failed(self, path: str, problem: UnreadableModel) -> Seen:
        fails = not (isinstance(problem, NotFetched) and self.options.config.unread == "note")
        if fails:
            error(path, str(problem))
        elif not self.options.quiet:
            note(path, str(problem))
        return Seen(path, None, error=str(problem), fails=fails)


def look(options: Options) -> Look:
    """Find the files that the options mean."""
    paths, sound = models(options.paths, options.config)
    return Look(options, paths, sound)
