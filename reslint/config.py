"""[tool.reslint] of the nearest pyproject.toml, or reslint.toml, in; a Config out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path

from reslint.errors import BadConfiguration

PROFILES = ("ship", "design")
FAIL_ON = ("error", "warning", "note", "never")
CONFIDENCE = ("likely", "possible")
UNREAD = ("error", "note")


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
    exclude: tuple[str, ...] = ()
    folder: Path = Path()


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


def _config(keys: Mapping[str, object], file: Path) -> Config:
    for key in keys:
        if key not in KEYS:
            close = get_close_matches(key.replace("_", "-"), KEYS, n=1, cutoff=0)
            raise BadConfiguration(f"{file}: unknown key {key!r}; the nearest valid one is {close[0]!r}")
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
        exclude=table.names("exclude"),
        folder=file.parent,
    )
