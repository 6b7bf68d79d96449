"""A baseline file and findings in, what is new, what is resolved and the next baseline out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from reslint.errors import BadConfiguration
from reslint.finding import Confidence, Finding
from reslint.remote.address import is_remote

SCHEMA = "reslint.baseline/1"
_SURE = (Confidence.POSSIBLE, Confidence.LIKELY, Confidence.PROVEN)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A known finding. `path` is seen from the file's folder; `at` is for the reader only, `places` how many it covered."""

    path: str
    rule: str
    fingerprint: str
    at: str
    confidence: str
    places: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What was asked of one model: which rules, and how sure a finding had to be to be shown."""

    rules: frozenset[str]
    least: Confidence

    def shows(self, entry: Entry) -> bool:
        """Whether the finding of an entry would have shown, were it still there."""
        return entry.rule in self.rules and _SURE.index(Confidence(entry.confidence)) >= _SURE.index(self.least)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of a file, which need not be there yet."""

    file: Path
    entries: tuple[Entry, ...] = ()

    def split(self, findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """The findings that are not known, and those that are. One that covers more places than it did is not known."""
        known = {(e.path, e.rule, e.fingerprint): e.places for e in self.entries}
        fresh: list[Finding] = []
        familiar: list[Finding] = []
        for f in findings:
            covered = known.get((self.seen(f.path), f.rule, f.fingerprint), 0)
            (fresh if covered < _places(f) else familiar).append(f)
        return tuple(fresh), tuple(familiar)

    def resolved(self, findings: Iterable[Finding], ran: Mapping[str, Ran]) -> Iterator[Entry]:
        """The entries whose finding is gone, of the models and rules that were looked at."""
        here = {(self.seen(f.path), f.rule, f.fingerprint) for f in findings}
        asked = {self.seen(path): what for path, what in ran.items()}
        for e in self.entries:
            if e.path in asked and asked[e.path].shows(e) and (e.path, e.rule, e.fingerprint) not in here:
                yield e

    def renewed(self, findings: Iterable[Finding], ran: Mapping[str, Ran]) -> Baseline:
        """The baseline with these findings; the entries of all other models and rules stay."""
        asked = {self.seen(path): what for path, what in ran.items()}
        others = (e for e in self.entries if e.path not in asked or not asked[e.path].shows(e))
        return Baseline(self.file, tuple(sorted({*others, *map(self._entry, findings)})))

    def gone(self) -> Mapping[str, int]:
        """The paths that lead to nothing any more, and how many entries each has."""
        found = Counter(e.path for e in self.entries)
        here = ((path, n) for path, n in sorted(found.items()) if not is_remote(path))
        return {path: n for path, n in here if not os.path.lexists(self.file.parent / path)}

    def seen(self, path: str) -> str:
        """A model's path as the file has it: the same on every machine that has the folder."""
        return path if is_remote(path) else PurePath(os.path.relpath(path, self.file.parent)).as_posix()

    def _entry(self, f: Finding) -> Entry:
        return Entry(self.seen(f.path), f.rule, f.fingerprint, f.module or f.node, str(f.confidence), _places(f))


def _places(finding: Finding) -> int:
    return 1 + len(finding.related)


def render(baseline: Baseline) -> str:
    """The file's text: sorted, and a line for each finding, so that a difference reads well."""
    models: dict[str, list[str]] = {}
    for e in sorted(baseline.entries):
        row = {"rule": e.rule, "at": e.at, "confidence": e.confidence, "places": e.places, "fingerprint": e.fingerprint}
        models.setdefault(e.path, []).append(f"   {json.dumps(row)}")
    listed = (f"  {json.dumps(path)}: [\n" + ",\n".join(rows) + "\n  ]" for path, rows in models.items())
    body = "{\n" + ",\n".join(listed) + "\n }" if models else "{}"
    return f'{{\n "schema": {json.dumps(SCHEMA)},\n "models": {body}\n}}\n'


def load(file: Path, *, must_exist: bool = True) -> Baseline:
    """Read a baseline. Raises BadConfiguration where it is none."""
    if not must_exist and not file.exists():
        return Baseline(file)
    try:
        document: object = json.loads(file.read_text("utf-8"))
        return Baseline(file, tuple(sorted(_entries(document))))
    except OSError as error:
        raise BadConfiguration(f"baseline {file}: can't be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadConfiguration(f"baseline {file}: is not a baseline; write a new one with --write-baseline") from error


def _entries(document: object) -> Iterator[Entry]:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not isinstance(document["models"], dict):
        raise ValueError(SCHEMA)
    for path, rows in document["models"].items():
        for row in rows:
            rule, fingerprint, at = (str(row[key]) for key in ("rule", "fingerprint", "at"))
            yield Entry(str(path), rule, fingerprint, at, str(Confidence(row["confidence"])), int(row["places"]))
