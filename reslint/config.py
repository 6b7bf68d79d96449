"""[tool.reslint] of the nearest pyproject.toml, or reslint.toml, in; a Config out."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from reslint.errors import BadConfiguration
from reslint.settings import Budget, Levels, Settings

PROFILES = ("ship", "design")
FAIL_ON = ("error", "warning", "note", "never")
CONFIDENCE = ("likely", "possible")
UNREAD = ("error", "note")
_LATENCY = ("p50-ms", "p90-ms", "p99-ms")


@dataclass(frozen=True, slots=True)
class Config:
    """What a project has decided. The keys of the file are these names with dashes; `folder` is where the file lies."""

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
    latency: tuple[tuple[str, Mapping[str, float]], ...] = ()
    max_ratio: float = Settings().max_ratio
    sizes: Mapping[str, int] = field(default_factory=dict)
    expect: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    folder: Path = Path()

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
            budget=next((budget for glob, budget in reversed(self.budget) if self._matches(path, glob)), Budget()),
            latency=next((limits for glob, limits in reversed(self.latency) if self._matches(path, glob)), {}),
            max_ratio=self.max_ratio,
            sizes=self.sizes,
            skeleton=next((text for glob, text in reversed(self.expect) if self._matches(path, glob)), None),
        )

    def _matches(self, path: str, pattern: str) -> bool:
        """Whether a pattern fits a model's name, or its path as seen from the folder of the configuration."""
        seen = Path(os.path.relpath(path, self.folder))
        return fnmatchcase(seen.name, pattern) or fnmatchcase(seen.as_posix(), pattern)


KEYS = tuple(f.name.replace("_", "-") for f in fields(Config) if f.name != "folder")


def load(file: Path | None, start: Path) -> Config:
    """The configuration of the given file, else of the nearest one from `start` upwards, else the defaults.

    Raises BadConfiguration, with the file, the key and what it should hold.
    """
    for candidate in (file,) if file else _candidates(start):
        table = _table(candidate, given=candidate == file)
        if table is not None:
            return _config(table, candidate)
    return Config(folder=start)


def _candidates(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        for name in ("reslint.toml", "pyproject.toml"):
            if (folder / name).is_file():
                yield folder / name


def _table(file: Path, given: bool) -> Mapping[str, object] | None:
    """The file's own keys, None for a pyproject.toml that says nothing on reslint."""
    try:
        whole: dict[str, object] = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadConfiguration(f"{file}: can't be opened: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: is no TOML: {error}") from error
    tool = whole.get("tool")
    inner = tool.get("reslint") if isinstance(tool, dict) else None
    if inner is None and file.name == "pyproject.toml":
        if given:
            raise BadConfiguration(f"{file}: holds no [tool.reslint]")
        return None
    table = whole if inner is None else inner
    if not isinstance(table, dict):
        raise BadConfiguration(f"{file}: tool.reslint must be a table")
    return table


@dataclass(frozen=True, slots=True)
class _Table:
    """The keys of one file, read with their types."""

    file: Path
    keys: Mapping[str, object]

    def wrong(self, key: str, wanted: str) -> BadConfiguration:
        return BadConfiguration(f"{self.file}: {key} must be {wanted}, not {self.keys[key]!r}")

    def names(self, key: str) -> tuple[str, ...]:
        value = self.keys.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(key, "a list of strings")
        return tuple(value)

    def text(self, key: str) -> str:
        value = self.keys.get(key, "")
        if not isinstance(value, str):
            raise self.wrong(key, "a string")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.keys.get(key, choices[0])
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(key, f"one of {', '.join(choices)}")
        return value

    def count(self, key: str) -> int | None:
        value = self.keys.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.wrong(key, "a whole number of at least 1")
        return value

    def factor(self, key: str, default: float) -> float:
        value = self.keys.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise self.wrong(key, "a number above 0")
        return float(value)

    def table(self, key: str, known: tuple[str, ...] | None) -> _Table:
        """A table inside this one; `known` are the keys that it may have, None where that is the user's choice."""
        value = self.keys.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        if known is not None:
            _refuse_unknown(value, known, self.file, f"{key}.")
        return _Table(self.file, value)

    def levels(self, key: str, default: Levels) -> Levels:
        inner = self.table(key, ("note", "warning"))
        note, warning = inner.count("note") or default.note, inner.count("warning") or default.warning
        return Levels(min(note, warning), warning)

    def tables(self, key: str, known: tuple[str, ...]) -> Iterator[tuple[str, _Table]]:
        """One table for all models, or an array of tables with globs: each with its glob."""
        value = self.keys.get(key, [])
        for row in value if isinstance(value, list) else [value]:
            inner = _Table(self.file, {key: row}).table(key, ("match", *known))
            yield inner.text("match") or "*", inner

    def budgets(self, key: str) -> tuple[tuple[str, Budget], ...]:
        return tuple(
            (glob, Budget(t.count("params"), t.count("macs"), t.count("activation-mb")))
            for glob, t in self.tables(key, ("params", "macs", "activation-mb"))
        )

    def latencies(self, key: str) -> tuple[tuple[str, Mapping[str, float]], ...]:
        return tuple(
            (glob, {name.removesuffix("-ms"): t.factor(name, 1) for name in _LATENCY if name in t.keys})
            for glob, t in self.tables(key, _LATENCY)
        )

    def expectations(self, key: str) -> tuple[tuple[str, str], ...]:
        found = tuple((glob, t.text("is")) for glob, t in self.tables(key, ("is",)))
        if not all(text for _, text in found):
            raise self.wrong(key, "tables with `is`, what `reslint anatomy --signature` prints")
        return found

    def sizes(self, key: str) -> Mapping[str, int]:
        inner = self.table(key, None)
        return {name: size for name in inner.keys if (size := inner.count(name)) is not None}


def _refuse_unknown(keys: Mapping[str, object], known: tuple[str, ...], file: Path, where: str = "") -> None:
    for key in keys:
        if key not in known:
            close = get_close_matches(key.replace("_", "-"), known, n=1, cutoff=0)
            raise BadConfiguration(
                f"{file}: unknown key {where + key!r}; the nearest valid one is {where + close[0]!r}"
            )


def _config(keys: Mapping[str, object], file: Path) -> Config:
    _refuse_unknown(keys, KEYS, file)
    table = _Table(file, keys)
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
        sizes=table.sizes("sizes"),
        expect=table.expectations("expect"),
        exclude=table.names("exclude"),
        folder=file.parent,
    )
