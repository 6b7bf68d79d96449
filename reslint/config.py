"""[tool.reslint] of the nearest pyproject.toml, or reslint.toml, in; a Config out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TypeVar

from reslint.errors import BadConfiguration
from reslint.finding import Severity
from reslint.keys import Table, keys_of
from reslint.remote.address import file_of, is_remote
from reslint.settings import Allowance, Budget, Factory, Levels, Settings

_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*|.*\.pt2", re.IGNORECASE)

_DESIGN: Mapping[str, object] = {"profile": "design"}  # what a model that is about to be trained starts from

PROFILES = ("ship", "design")
FAIL_ON = ("error", "warning", "note", "never")
CONFIDENCE = ("likely", "possible")
UNREAD = ("error", "note")


@dataclass(frozen=True, slots=True)
class Said:
    """Some keys, who says them, and the models that they are for; and what makes these, where they are no files."""

    origin: str
    match: str
    keys: Mapping[str, object]
    factory: Factory | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What a project has decided. The keys of the file are these names with dashes.

    `folder` is where the file lies. `said` is all that was said, the strongest last; `at` makes a model's own of it.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    profile: str = "ship"
    target: str = ""
    fail_on: str = "error"
    confidence: str = "likely"
    unread: str = "error"
    limit_memory: float = 8.0
    limit_seconds: float = 120.0
    max_download: float = 1.0
    max_residual_blocks: int | None = None
    plain_depth: Levels = Settings().plain_depth
    deep_post_norm: Levels = Settings().deep_post_norm
    depth_over_width: float = Settings().depth_over_width
    costly_shortcut: float = Settings().costly_shortcut
    train_samples: int | None = None
    train_tokens: int | None = None
    budget: tuple[tuple[str, Budget], ...] = ()
    latency: tuple[tuple[str, str, Mapping[str, float]], ...] = ()
    max_ratio: float = Settings().max_ratio
    tolerance: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    expect: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    allow: tuple[Allowance, ...] = ()
    rules: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    folder: Path = Path()
    file: Path = field(default=Path(), compare=False)
    said: tuple[Said, ...] = field(default=(), compare=False, repr=False)
    fixed: bool = field(default=False, compare=False)

    def nearest(self, path: str) -> Config:
        """The configuration that a model has: that of the nearest file above it, with what the command line says.

        A file that was given by `--config`, and the name of a PyTorch model, have this one.
        """
        if self.fixed or is_remote(path) or self.factory(path):
            return self
        folder = Path(os.path.abspath(path)).parent
        if folder == self.folder.absolute():
            return self
        return _nearest(folder, self)

    def factory(self, path: str) -> Factory | None:
        """What makes a PyTorch model: one that the configuration names, `module:factory`, or a .pt2 file; None for other files.

        A file that is there is no `module:factory`. What the command line says goes before the configuration.
        """
        said = {row.match: row.factory for row in self.said if row.factory}
        named = said.get(path)
        unnamed = Factory(path) if _is_factory(path) else None
        known = replace(named, folder=str(self.folder)) if named else unnamed
        return known and known.under(said.get("*") or Factory(path))

    def named(self) -> tuple[str, ...]:
        """The PyTorch models that the configuration names."""
        return tuple(row.match for row in self.said if row.factory and row.match != "*")

    def settings(self, path: str) -> Settings:
        """What the rules may ask about one model. Of the budgets and expectations that match its path, the last one counts."""
        return Settings(
            profile="design" if self.profile == "design" else "ship",
            target=self.target,
            max_residual_blocks=self.max_residual_blocks,
            plain_depth=self.plain_depth,
            deep_post_norm=self.deep_post_norm,
            depth_over_width=self.depth_over_width,
            costly_shortcut=self.costly_shortcut,
            train_samples=self.train_samples,
            train_tokens=self.train_tokens,
            budget=next((budget for glob, budget in reversed(self.budget) if self.matches(path, glob)), Budget()),
            latency={provider: limits for glob, provider, limits in self.latency if self.matches(path, glob)},
            max_ratio=self.max_ratio,
            tolerance=self.tolerance,
            sizes=self.sizes,
            skeleton=next((text for glob, text in reversed(self.expect) if self.matches(path, glob)), None),
        )

    def at(self, path: str) -> Config:
        """What applies to one model: of the settings that match its path, the last ones count."""
        heard = [said for said in self.said if said.match == "*" or self.matches(path, said.match)]
        design = _DESIGN if self.factory(path) else {}
        if not design and len(heard) == sum(said.match == "*" for said in self.said):
            return self
        keys = {key: value for said in heard for key, value in said.keys.items()}
        return replace(_config(Table(self.file, {**design, **keys}), self.said), fixed=self.fixed)

    def of_models(self) -> Iterator[Config]:
        """The configuration as it is for each of the globs alone."""
        for row in (said for said in self.said if said.match != "*"):
            heard = (said for said in self.said if said is row or said.match == "*")
            yield _config(
                Table(self.file, {key: value for said in heard for key, value in said.keys.items()}), self.said
            )

    def origin(self, path: str, key: str) -> str:
        """Who says what a key is for one model."""
        heard = (said for said in reversed(self.said) if key in said.keys and self.matches(path, said.match))
        return next((said.origin for said in heard), "default")

    def matches(self, path: str, pattern: str) -> bool:
        """Whether a pattern fits a model's name, its address, or its path as seen from the folder of the configuration."""
        if is_remote(path):
            return fnmatchcase(file_of(path), pattern) or fnmatchcase(path, pattern)
        seen = Path(os.path.relpath(path, self.folder))
        return fnmatchcase(seen.name, pattern) or fnmatchcase(seen.as_posix(), pattern)

    def excludes(self, path: str) -> bool:
        """Whether `exclude` fits a file, its name, or a folder above it, seen from the configuration's own folder."""
        return fits(path, self.exclude, self.folder)


def fits(path: str, patterns: Sequence[str], folder: Path) -> bool:
    """Whether a glob fits a file, its name, or a folder above it, as seen from a folder."""
    if not patterns:
        return False
    if is_remote(path):
        return any(fnmatchcase(file_of(path), pattern) or fnmatchcase(path, pattern) for pattern in patterns)
    seen = Path(os.path.relpath(path, folder))
    above = [p.as_posix() for p in (seen, *seen.parents) if p.name]
    return any(fnmatchcase(p, pattern.rstrip("/")) for pattern in patterns for p in (seen.name, *above))


def _is_factory(path: str) -> bool:
    """Whether a path means a PyTorch model: a name with a colon may be that of a file, too."""
    return (
        _FACTORY.fullmatch(path) is not None
        and not is_remote(path)
        and (path.lower().endswith(".pt2") or not os.path.isfile(path))
    )


KEYS = tuple(f.name.replace("_", "-") for f in fields(Config) if f.name not in ("folder", "file", "said", "fixed"))
OF_ALL = ("paths", "exclude", "budget", "expect", "allow", "rules")
"""Keys that can't be a model's own: some are about which models or rules there are, the others have globs themselves."""

FACTORY = ("factory", "input", "kwargs", "dynamic", "fake", "exporter", "opset")
"""Keys of a PyTorch model that has a name."""

COMMAND_LINE = "command line"

T = TypeVar("T")


def load(
    file: Path | None, start: Path, given: Mapping[str, object] | None = None, factory: Factory | None = None
) -> Config:
    """The configuration of the given file, else of the nearest one from `start` upwards, else the defaults.

    `given` are keys that go before the file's, `factory` what goes before those of PyTorch models. Raises BadConfiguration,
    with the file, the key and what it should hold.
    """
    above = Said(COMMAND_LINE, "*", given or {}, factory)
    for candidate in (file,) if file else _candidates(start):
        table = keys_of(candidate, given=candidate == file)
        if table is not None:
            return replace(_layered(table, above), fixed=file is not None)
    return _config(Table(start / "reslint.toml", above.keys), (above,))


def _layered(table: Table, above: Said) -> Config:
    """The file's keys, over them those of its `models`, over all the command line's. All that is wrong is told at once."""
    wrong = _Wrong()
    keys = {key: value for key, value in table.keys.items() if key != "models"}
    own = Said(str(table.file), "*", keys)
    rows = wrong.unless(lambda: tuple(_of_models(table)), tuple[tuple[Said, Table], ...]())
    said = (own, *(row for row, _ in rows), above)
    for row, inner in rows:
        wrong.unless(partial(_config, replace(inner, keys=row.keys), said), None)
    found = wrong.unless(lambda: _config(replace(table, keys={**own.keys, **above.keys}), said), Config())
    wrong.tell()
    return found


class _Wrong:
    """What is wrong with a file, gathered."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def unless(self, read: Callable[[], T], fallback: T) -> T:
        """What is read, or the fallback where that goes wrong."""
        try:
            return read()
        except BadConfiguration as problem:
            self.lines.extend(problem.lines)
            return fallback

    def tell(self) -> None:
        """Raise BadConfiguration where anything was wrong."""
        if self.lines:
            raise BadConfiguration(*dict.fromkeys(self.lines))


def _of_models(table: Table) -> Iterator[tuple[Said, Table]]:
    known = tuple(key for key in KEYS if key not in OF_ALL)
    models = table.keys.get("models")
    if isinstance(models, dict) and models and all(isinstance(row, dict) for row in models.values()):
        yield from _of_names(table.inner("models", models), known)
        return
    for glob, row in table.tables("models", known):
        if "match" not in row.keys or glob == "*":
            raise BadConfiguration(f"{row.place()}: each entry of models needs `match`, a glob of models")
        keys = {key: value for key, value in row.keys.items() if key != "match"}
        yield Said(f"{table.file}, models {glob!r}", glob, keys), row


def _of_names(models: Table, known: tuple[str, ...]) -> Iterator[tuple[Said, Table]]:
    """Models that have names: PyTorch modules with a factory, or files by a glob as in an array of tables."""
    for name in models.keys:
        row = models.table(name, ("match", *FACTORY, *known))
        keys = {key: value for key, value in row.keys.items() if key in known}
        target, glob = row.text("factory"), row.text("match")
        if bool(target) == bool(glob):
            raise models.problem(
                name, "needs either `factory`, such as mypkg.models:build, or `match`, a glob of models"
            )
        if target and not _FACTORY.fullmatch(target):
            raise row.wrong("factory", "module:factory, such as mypkg.models:build, or a .pt2 file")
        yield Said(f"{models.file}, models.{name}", glob or name, keys, row.factory(target) if target else None), row


_known: dict[tuple[Path, Path, str], Config] = {}  # each folder's file is read once


def _nearest(folder: Path, config: Config) -> Config:
    key = (folder, config.file, repr(config.said))
    if key not in _known:
        _known[key] = _read_nearest(folder, config)
    return _known[key]


def _read_nearest(folder: Path, config: Config) -> Config:
    above = next((said for said in config.said if said.origin == COMMAND_LINE), Said(COMMAND_LINE, "*", {}))
    file = next((file for file in _candidates(folder) if keys_of(file, given=False) is not None), None)
    if file is None or config.file.exists() and os.path.samefile(file, config.file):
        return config
    return load(None, folder, above.keys, above.factory)


def _candidates(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        for name in ("reslint.toml", "pyproject.toml"):
            if (folder / name).is_file():
                yield folder / name


def _config(table: Table, said: tuple[Said, ...]) -> Config:
    """The keys of a table with their types. Raises BadConfiguration with all that is wrong."""
    wrong, usual, ruled = _Wrong(), Config(), Settings()
    wrong.unless(lambda: table.refuse_unknown((*KEYS, "models")), None)
    found = Config(
        select=wrong.unless(lambda: table.names("select"), usual.select),
        ignore=wrong.unless(lambda: table.names("ignore"), usual.ignore),
        profile=wrong.unless(lambda: table.choice("profile", PROFILES), usual.profile),
        target=wrong.unless(lambda: table.text("target"), usual.target),
        fail_on=wrong.unless(lambda: table.choice("fail-on", FAIL_ON), usual.fail_on),
        confidence=wrong.unless(lambda: table.choice("confidence", CONFIDENCE), usual.confidence),
        unread=wrong.unless(lambda: table.choice("unread", UNREAD), usual.unread),
        limit_memory=wrong.unless(lambda: table.factor("limit-memory", usual.limit_memory), usual.limit_memory),
        limit_seconds=wrong.unless(lambda: table.factor("limit-seconds", usual.limit_seconds), usual.limit_seconds),
        max_download=wrong.unless(lambda: table.factor("max-download", usual.max_download), usual.max_download),
        max_residual_blocks=wrong.unless(lambda: table.count("max-residual-blocks"), usual.max_residual_blocks),
        plain_depth=wrong.unless(lambda: table.levels("plain-depth", ruled.plain_depth), usual.plain_depth),
        deep_post_norm=wrong.unless(lambda: table.levels("deep-post-norm", ruled.deep_post_norm), usual.deep_post_norm),
        depth_over_width=wrong.unless(
            lambda: table.factor("depth-over-width", ruled.depth_over_width), usual.depth_over_width
        ),
        costly_shortcut=wrong.unless(
            lambda: table.factor("costly-shortcut", ruled.costly_shortcut), usual.costly_shortcut
        ),
        train_samples=wrong.unless(lambda: table.count("train-samples"), usual.train_samples),
        train_tokens=wrong.unless(lambda: table.count("train-tokens"), usual.train_tokens),
        budget=wrong.unless(lambda: table.budgets("budget"), usual.budget),
        latency=wrong.unless(lambda: table.latencies("latency"), usual.latency),
        max_ratio=wrong.unless(lambda: table.factor("max-ratio", ruled.max_ratio), usual.max_ratio),
        tolerance=wrong.unless(lambda: table.tolerances("tolerance"), usual.tolerance),
        sizes=wrong.unless(lambda: table.sizes("sizes"), usual.sizes),
        expect=wrong.unless(lambda: table.expectations("expect"), usual.expect),
        paths=wrong.unless(lambda: table.names("paths"), usual.paths),
        exclude=wrong.unless(lambda: table.names("exclude"), usual.exclude),
        severity=wrong.unless(lambda: table.severities("severity"), usual.severity),
        allow=wrong.unless(lambda: table.allowances("allow"), usual.allow),
        rules=wrong.unless(lambda: table.names("rules"), usual.rules),
        options=wrong.unless(lambda: table.options("options"), usual.options),
        folder=table.file.parent,
        file=table.file,
        said=said,
    )
    wrong.tell()
    return found
