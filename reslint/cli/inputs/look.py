"""Options in, what was seen in each model out; what could not be read gets its line on standard error.

Nothing here imports onnx before a model has to be read: where all answers are remembered, none has.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reslint.allow import idle
from reslint.cache import Cache
from reslint.cli.inputs.globs import unmatched
from reslint.cli.inputs.overwriting import spare
from reslint.cli.inputs.paths import Wanted, models
from reslint.cli.inputs.unread import shortened
from reslint.cli.options.common import Models
from reslint.cli.output.progress import progress
from reslint.cli.output.streams import error, note
from reslint.config import Config
from reslint.remote.address import is_remote, shown
from reslint.result import Looked

if TYPE_CHECKING:
    from reslint.look import Judge, Seen

NOT_LOOKED_AT = 2


def look(options: Models) -> Iterator[Looked]:
    """What the rules find in all models that the options mean; what is remembered is not looked at again."""
    found = named(options)
    remembered = remembering(options)
    kept = {path for path, missing in found.items() if not missing and _may_be_remembered(path, options)}
    known = {path: remembered.found(path) if remembered and path in kept else None for path in found}
    unknown = [path for path, looked in known.items() if looked is None]
    for line in () if options.quiet else unmatched(options.configuration, options.paths or tuple(_configured(options))):
        note(str(options.configuration.file), line)
    if unknown:
        from reslint.cli.inputs.workers import fresh
        from reslint.look import refuse_unknown_rules

        for config in _configurations(options, unknown):
            refuse_unknown_rules(config)
        asked = [path for path in unknown if not found[path]]
        looks = fresh(asked, options.configuration, remembered, drawn=options.drawn)
    seen = (known[path] or (_missing(path, says) if (says := found[path]) else next(looks)) for path in found)
    yield from _told(tuple(found), seen, options)


def _may_be_remembered(path: str, options: Models) -> bool:
    return not is_remote(path) and not options.configuration.factory(path)


def examine(options: Models, judge: Judge | None, *, command: str = "check") -> Iterator[Seen]:
    """The models with their anatomies, one at a time, each let go before the next one is read; with no rules, no findings."""
    from reslint import look

    found = named(options)
    for config in _configurations(options, found):
        look.refuse_unknown_rules(config, command=command)
    anatomies: list[Seen] = []

    def looks() -> Iterator[Looked]:
        for path, says in found.items():
            if says:
                anatomies[:] = [look.Seen(_missing(path, says))]
            else:
                anatomies[:] = [look.look(path, options.configuration, judge, command=command, drawn=options.drawn)]
            yield anatomies[0].looked

    for _ in _told(tuple(found), looks(), options, judged=judge is not None, bar=command != "run"):
        yield anatomies.pop()


def _configurations(options: Models, paths: Iterable[str]) -> Iterator[Config]:
    """The configurations of some models, each once; that of the current folder is always among them."""
    seen = {options.configuration.file: options.configuration}
    for path in paths:
        config = options.configuration.nearest(path)
        seen.setdefault(config.file, config)
    yield from seen.values()


def remembering(options: Models) -> Cache | None:
    """The cache of the options' configuration, None where it is not to be asked; it knows no portraits."""
    return None if options.no_cache or options.drawn else Cache(_folder(), options.configuration)


def named(options: Models) -> Mapping[str, str | None]:
    """The models that the options mean, else those that the configuration names; with the reason where a path leads to none."""
    paths = options.paths or tuple(_configured(options))
    if not paths:
        raise click.UsageError(
            "no model given: name files, folders, globs or module:factory, or set `paths` or `models` in the configuration"
        )
    found = models(paths, Wanted(options.configuration, options.exclude, options.no_ignore))
    found = _only(found, options.narrowed(tuple(path for path, missing in found.items() if not missing)))
    spare(options.written, found)
    return found


def _only(found: Mapping[str, str | None], wanted: Collection[str]) -> Mapping[str, str | None]:
    """The models that are wanted, and what could not be found."""
    return {path: missing for path, missing in found.items() if missing or path in wanted}


def _configured(options: Models) -> Iterator[str]:
    """What the configuration names, as seen from the current folder; PyTorch models by their names."""
    yield from options.configuration.named()
    yield from (os.path.relpath(options.configuration.folder / path) for path in options.configuration.paths)


def _missing(path: str, says: str) -> Looked:
    return Looked(shown(path), error=says, fails=True)


def _told(
    paths: Sequence[str], looks: Iterator[Looked], options: Models, *, judged: bool = True, bar: bool = True
) -> Iterator[Looked]:
    """What was seen, while what is to be said beside the results goes to standard error."""
    ran: dict[str, tuple[str, ...]] = {}
    used: dict[Path, set[int]] = defaultdict(set)
    unread: list[tuple[str, str]] = []
    for named in progress(paths, options.quiet or not bar):
        looked = next(looks)
        path = shown(named)
        if looked.error:
            tell_failed(looked, options)
        else:
            ran[path] = looked.rules
            used[options.configuration.nearest(path).file].update(looked.used)
            unread.extend((path, line) for line in looked.unread)
            for line in () if options.quiet else looked.notes:
                note(path, line)
        yield looked
    for who, line in () if options.quiet else unread if options.verbose else shortened(unread):
        note(who, line)
    for config in _configurations(options, ran) if judged and not options.quiet else ():
        own = {path: rules for path, rules in ran.items() if options.configuration.nearest(path).file == config.file}
        for line in idle(config, own, used[config.file], date.today()):
            note(str(config.file), line)


def tell_failed(looked: Looked, options: Models) -> None:
    sys.stderr.write(looked.trace)
    if looked.fails:
        error(looked.path, looked.error or "")
    elif not options.quiet:
        note(looked.path, looked.error or "")


def _folder() -> Path:
    """Where the platform keeps what can be made anew (https://specifications.freedesktop.org/basedir-spec on Linux)."""
    if own := os.environ.get("RESLINT_CACHE_DIR"):
        return Path(own)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "reslint" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "reslint"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "reslint"
