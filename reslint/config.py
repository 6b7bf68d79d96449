"""[tool.reslint] of the nearest pyproject.toml, or reslint.toml, in; a Config out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path

from reslint.errors import BadConfiguration
from reslint.finding import Severity
from reslint.keys import Table, keys_of, refuse_unknown
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
    folder: Path = Path()
    file: Path = field(default=Path(), compare=False)
    said: tuple[Said, ...] = field(default=(), compare=False, repr=False)

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
        return _config({**design, **keys}, self.file, self.said)

    def of_models(self) -> Iterator[Config]:
        """The configuration as it is for each of the globs alone."""
        for row in (said for said in self.said if said.match != "*"):
            heard = (said for said in self.said if said is row or said.match == "*")
            yield _config({key: value for said in heard for key, value in said.keys.items()}, self.file, self.said)

    def origin(self, path: str, key: str) -> str:
        """Who says what a key is for one model."""
        heard = (said for said in reversed(self.said) if key in said.keys and self.matches(path, said.match))
        return next((said.origin for said in heard), "default")

    def matches(self, path: str, pattern: str) -> bool:
        """Whether a pattern fits a model's name, or its path as seen from the folder of the configuration."""
        seen = Path(os.path.relpath(path, self.folder))
        return fnmatchcase(seen.name, pattern) or fnmatchcase(seen.as_posix(), pattern)

    def excludes(self, path: str) -> bool:
        """Whether `exclude` fits a file, its name, or a folder above it, seen from the configuration's own folder."""
        seen = Path(os.path.relpath(path, self.folder))
        above = [p.as_posix() for p in (seen, *seen.parents) if p.name]
        return any(fnmatchcase(p, pattern.rstrip("/")) for pattern in self.exclude for p in (seen.name, *above))


def _is_factory(path: str) -> bool:
    """Whether a path means a PyTorch model: a name with a colon may be that of a file, too."""
    return _FACTORY.fullmatch(path) is not None and (path.lower().endswith(".pt2") or not os.path.isfile(path))


KEYS = tuple(f.name.replace("_", "-") for f in fields(Config) if f.name not in ("folder", "file", "said"))
OF_ALL = ("paths", "exclude", "budget", "expect", "allow")
"""Keys that can't be a model's own: the first two are about which models there are, the others have globs themselves."""

FACTORY = ("factory", "input", "kwargs", "dynamic", "fake", "exporter", "opset")
"""Keys of a PyTorch model that has a name."""

COMMAND_LINE = "command line"


def load(
    file: Path | None, start: Path, given: Mapping[str, object] | None = None, factory: Factory | None = None
) -> Config:
    """The configuration of the given file, else of the nearest one from `start` upwards, else the defaults.

    `given` are keys that go before the file's, `factory` what goes before those of PyTorch models. Raises BadConfiguration,
    with the file, the key and what it should hold.
    """
    above = Said(COMMAND_LINE, "*", given or {}, factory)
    for candidate in (file,) if file else _candidates(start):
        keys = keys_of(candidate, given=candidate == file)
        if keys is not None:
            return _layered(keys, candidate, above)
    return _config(above.keys, start / "reslint.toml", (above,))


def _layered(keys: Mapping[str, object], file: Path, above: Said) -> Config:
    """The file's keys, over them those of its `models`, over all the command line's; each is tried for errors."""
    own = Said(str(file), "*", {key: value for key, value in keys.items() if key != "models"})
    rows = tuple(_of_models(keys, file))
    said = (own, *rows, above)
    for row in rows:
        _config(row.keys, file, said)
    return _config({**own.keys, **above.keys}, file, said)


def _of_models(keys: Mapping[str, object], file: Path) -> Iterator[Said]:
    known = tuple(key for key in KEYS if key not in OF_ALL)
    models = keys.get("models")
    if isinstance(models, dict) and models and all(isinstance(row, dict) for row in models.values()):
        yield from _of_names(Table(file, models), known)
        return
    for glob, row in Table(file, keys).tables("models", known):
        if "match" not in row.keys or glob == "*":
            raise BadConfiguration(f"{file}: each of models needs `match`, a glob of some models")
        yield Said(f"{file}, models {glob!r}", glob, {key: value for key, value in row.keys.items() if key != "match"})


def _of_names(models: Table, known: tuple[str, ...]) -> Iterator[Said]:
    """Models that have names: PyTorch modules with a factory, or files by a glob as in an array of tables."""
    for name in models.keys:
        row = models.table(name, ("match", *FACTORY, *known))
        keys = {key: value for key, value in row.keys.items() if key in known}
        target, glob = row.text("factory"), row.text("match")
        if bool(target) == bool(glob):
            raise BadConfiguration(
                f"{models.file}: models.{name} needs either `factory`, as mypkg.models:build, or `match`, a glob of some models"
            )
        if target and not _FACTORY.fullmatch(target):
            raise row.wrong("factory", "module:factory, such as mypkg.models:build, or a .pt2 file")
        yield Said(f"{models.file}, models.{name}", glob or name, keys, row.factory(target) if target else None)


def _candidates(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        for name in ("reslint.toml", "pyproject.toml"):
            if (folder / name).is_file():
                yield folder / name


def _config(keys: Mapping[str, object], file: Path, said: tuple[Said, ...]) -> Config:
    refuse_unknown(keys, (*KEYS, "models"), file)
    table = Table(file, keys)
    return Config(
        select=table.names("select"),
        ignore=table.names("ignore"),
        profile=table.choice("profile", PROFILES),
        target=table.text("target"),
        fail_on=table.choice("fail-on", FAIL_ON),
        confidence=table.choice("confidence", CONFIDENCE),
        unread=table.choice("unread", UNREAD),
        max_residual_blocks=table.count("max-residual-blocks"),
        plain_depth=table.levels("plain-depth", Settings().plain_depth),
        deep_post_norm=table.levels("deep-post-norm", Settings().deep_post_norm),
        depth_over_width=table.factor("depth-over-width", Settings().depth_over_width),
        costly_shortcut=table.factor("costly-shortcut", Settings().costly_shortcut),
        train_samples=table.count("train-samples"),
        train_tokens=table.count("train-tokens"),
        budget=table.budgets("budget"),
        latency=table.latencies("latency"),
        max_ratio=table.factor("max-ratio", Settings().max_ratio),
        tolerance=table.tolerances("tolerance"),
        sizes=table.sizes("sizes"),
        expect=table.expectations("expect"),
        paths=table.names("paths"),
        exclude=table.names("exclude"),
        severity=table.severities("severity"),
        allow=table.allowances("allow"),
        folder=file.parent,
        file=file,
        said=said,
    )
