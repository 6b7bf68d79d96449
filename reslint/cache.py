"""What was seen in a file the last time, for as long as the file, the settings and reslint itself are the same.

An entry is a small JSON file for a model under one configuration. It is believed when all files that the answer was made
from still are the ones that were read: same inode, size, and times of change. What can't be read is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from reslint.config import Config
from reslint.finding import Confidence, Finding, Severity
from reslint.own.places import homes, sources
from reslint.result import About, Looked, Suppressed
from reslint.version import __version__
from reslint.writing import put

_SCHEMA = 4
_KEPT = 30 * 86_400  # seconds that an entry may lie unused
_TICK = 50_000_000  # nanoseconds: a file that changed so lately may change again without its times showing that

Stamp = tuple[str, tuple[int, ...] | None]
"""A file and its identity, None where it is not there."""


@dataclass(frozen=True, slots=True)
class Cache:
    """The entries of models under a configuration, or the one nearest to each."""

    folder: Path
    config: Config

    def found(self, path: str) -> Looked | None:
        """What was seen in a model, None where that is not known any more."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            entry = self._entry(path)
            held = json.loads(entry.read_bytes())
            before = [(name, tuple(stamp) if stamp else None) for name, stamp in held["files"]]
            if before == list(_stamps(name for name, _ in before)):
                os.utime(entry)
                return _looked(held["looked"])
        return None

    def keep(self, looked: Looked, before: Iterable[Stamp]) -> None:
        """Remember what was seen in files that still are as they were `before`."""
        before = tuple(before)
        settled = all(time.time_ns() - max(stamp[2:]) > _TICK for _, stamp in before if stamp)
        if looked.error is None and settled and before == tuple(_stamps(name for name, _ in before)):
            _written(self._entry(looked.path), {"files": before, "looked": asdict(looked)})

    def rules(self, names: Iterable[str]) -> tuple[About, ...] | None:
        """The rules of these names, None where one is not known."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            held = {row["name"]: _about(row) for row in json.loads(self._catalogue.read_bytes())}
            wanted = frozenset(names)
            if wanted <= held.keys():
                return tuple(about for name, about in held.items() if name in wanted)
        return None

    def keep_rules(self, rules: Iterable[About]) -> None:
        """Remember all rules that there are."""
        _written(self._catalogue, [asdict(about) for about in rules])

    def tidy(self) -> None:
        """Drop what has not been asked for in a month."""
        now = time.time()
        with suppress(OSError):
            for entry in os.scandir(self.folder):
                if now - entry.stat().st_mtime > _KEPT:
                    Path(entry.path).unlink(missing_ok=True)

    def _entry(self, path: str) -> Path:
        return self.folder / f"{_digest(*_setup(self.config.nearest(path)), os.path.abspath(path), path)}.json"

    @property
    def _catalogue(self) -> Path:
        return self.folder / f"rules-{_digest(*_setup(self.config))}.json"


def _setup(config: Config) -> tuple[str, ...]:
    """What makes an answer beside the model. Days count only where an entry of the configuration expires."""
    dated = any(entry.expires for entry in config.allow)
    said = (repr(config), repr(config.said), str(config.folder.absolute()))
    own = stamps(sources(homes(config.rules, config.folder, config.file)))
    return (_code(), *said, repr(own), str(date.today()) if dated else "")


def stamps(files: Iterable[str]) -> tuple[Stamp, ...]:
    """The identity of each file as it is now."""
    return tuple(_stamps(files))


def _stamps(files: Iterable[str]) -> Iterator[Stamp]:
    for file in files:
        try:
            found = os.stat(file)
        except (OSError, ValueError):
            yield file, None
        else:
            yield file, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=1)
def _code() -> str:
    """What makes the answers: the versions, and for a checkout that changes under one version, the times of its files."""
    package = Path(__file__).parent
    onnx = find_spec("onnx")  # does not import it
    return repr((_SCHEMA, __version__, str(package), max(_times(package)), stamps([onnx.origin or ""] if onnx else [])))


def _times(folder: Path) -> Iterator[int]:
    yield os.stat(folder).st_mtime_ns
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _times(Path(entry.path)) if entry.name != "__pycache__" else ()
        elif entry.name.endswith(".py"):
            yield entry.stat().st_mtime_ns


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _written(file: Path, content: object) -> None:
    """Write an entry whole or not at all; a cache that can't be written is none."""
    with suppress(OSError, UnicodeEncodeError):
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, json.dumps(content).encode())


def _looked(held: Mapping[str, object]) -> Looked:
    path = held["path"]
    if not isinstance(path, str):
        raise TypeError(path)
    return Looked(
        path,
        unread=tuple(map(str, _list(held["unread"]))),
        notes=tuple(map(str, _list(held["notes"]))),
        kinds={kind: int(str(number)) for kind, number in _table(held["kinds"]).items()},
        findings=tuple(_finding(_table(row)) for row in _list(held["findings"])),
        suppressed=tuple(
            Suppressed(_finding(_table(row["finding"])), str(row["reason"]))
            for row in map(_table, _list(held["suppressed"]))
        ),
        used=tuple(int(str(rank)) for rank in _list(held["used"])),
        rules=tuple(map(str, _list(held["rules"]))),
        least=Confidence(str(held["least"])),
    )


def _finding(row: Mapping[str, object]) -> Finding:
    texts = {key: str(row[key]) for key in ("rule", "family", "message", "path", "tensor", "node", "help")}
    more = {key: str(row[key]) for key in ("code", "fingerprint")}
    line, place = row["line"], row["place"]
    return Finding(
        **texts,
        **more,
        severity=Severity(int(str(row["severity"]))),
        confidence=Confidence(str(row["confidence"])),
        related=tuple(map(str, _list(row["related"]))),
        module=_optional(row["module"]),
        kind=_optional(row["kind"]),
        file=_optional(row["file"]),
        line=line if isinstance(line, int) else None,
        evidence=_table(row["evidence"]),
        lines=tuple((str(label), str(says)) for label, says in map(_list, _list(row["lines"]))),
        place=place if isinstance(place, int) else 0,
    )


def _about(row: Mapping[str, object]) -> About:
    severity, confidence = Severity(int(str(row["severity"]))), Confidence(str(row["confidence"]))
    name, family, summary, page, origin = (str(row[key]) for key in ("name", "family", "summary", "page", "origin"))
    return About(name, family, severity, confidence, summary, page, origin)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
