"""A model's path in, its rows out: what a process of a fleet does, of whatever engine."""

from __future__ import annotations

import gc
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reslint.anatomy import Anatomy
from reslint.anatomy.views.skeleton import skeleton
from reslint.baseline import Baseline
from reslint.config import Config
from reslint.errors import UnreadableModel
from reslint.finding import Finding, Severity
from reslint.look import look
from reslint.net.read import TEXT_SUFFIXES
from reslint.net.values import opset
from reslint.remote.address import is_remote, shown
from reslint.report.check.json import row
from reslint.result import Looked
from reslint.version import __version__

_SWEEP = 64  # models after which rings of objects are looked for: the network's library makes some


@dataclass(frozen=True, slots=True)
class Task:
    """A model to look at, and the tag under which it was looked at before."""

    path: str
    known: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What all models are looked at with; `configuration` is the digest of what it says."""

    config: Config
    configuration: str
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be written of a model: a row of `models` and some of `findings`, or one of `errors`, or nothing new."""

    path: str
    model: dict[str, object] | None = None
    findings: tuple[dict[str, object], ...] = ()
    error: dict[str, object] | None = None
    trace: str = ""


_seen = [0]


def sight(asked: Asked, task: Task) -> Sight:
    """Look at one model; errors are rows, bugs as well."""
    start = time.perf_counter()
    _seen[0] += 1
    if _seen[0] % _SWEEP == 0:
        gc.collect()
    tag, size = _identity(task.path) if task.known or not is_remote(task.path) else ("", None)
    if task.known and tag == task.known:
        return Sight(shown(task.path))
    seen = look(task.path, asked.config)
    seconds = round(time.perf_counter() - start, 6)
    if seen.anatomy is None:
        said = seen.looked.error or ""
        return failed(
            asked, task.path, said, tag=tag, seconds=seconds, fails=seen.looked.fails, trace=seen.looked.trace
        )
    return _judged(asked, task.path, seen.looked, seen.anatomy, (tag, size), seconds)


def failed(
    asked: Asked, path: str, says: str, *, tag: str = "", seconds: float = 0, fails: bool = True, trace: str = ""
) -> Sight:
    """A file that could not be looked at. A remote one has no tag, so that it is tried again: the way there may have failed."""
    error = {
        "path": shown(path),
        "error": says,
        "etag": None if is_remote(path) else tag,
        "seconds": seconds,
        "fails": fails,
        **_by(asked),
    }
    return Sight(shown(path), error=error, trace=trace)


def _judged(
    asked: Asked, path: str, looked: Looked, anatomy: Anatomy, known: tuple[str, int | None], seconds: float
) -> Sight:
    fresh, familiar = asked.baseline.split(looked.findings) if asked.baseline else (looked.findings, ())
    fail_on = asked.config.nearest(path).at(path).fail_on
    model = {
        **_facts(looked.path, anatomy),
        "kinds": list(looked.kinds.items()),
        "blocks": looked.blocks,
        "unread": list(looked.unread),
        "suppressed": len(looked.suppressed) + len(familiar),
        "seconds": seconds,
        **_fetched(anatomy, known),
        **_by(asked),
    }
    return Sight(looked.path, model, tuple(_row(finding, fail_on) for finding in fresh))


def _facts(path: str, anatomy: Anatomy) -> dict[str, object]:
    net = anatomy.net
    places = Counter(str(block.normalization) for block in anatomy.blocks)
    return {
        "path": path,
        "format": "text" if Path(path).suffix in TEXT_SUFFIXES else "onnx",
        "opset": opset(net),
        "producer": net.made_by,
        "normalization": places.most_common(1)[0][0] if places else None,
        "depth": anatomy.depth.weighted,
        "params": anatomy.cost.params,
        "macs": anatomy.cost.macs,
        "signature": skeleton(anatomy),
    }


def _fetched(anatomy: Anatomy, known: tuple[str, int | None]) -> dict[str, object]:
    from reslint.remote.far import Far

    store = anatomy.net.store
    if isinstance(store, Far):
        found, traffic = store.identity, store.traffic
        return {"etag": found.text, "size": found.size, "bytes_read": traffic.bytes, "requests": traffic.requests}
    return {"etag": known[0], "size": known[1], "bytes_read": None, "requests": 0}


def _row(finding: Finding, fail_on: str) -> dict[str, object]:
    found = row(finding)
    found["evidence"] = json.dumps(found["evidence"], sort_keys=True)
    return {**found, "fails": fail_on != "never" and finding.severity >= Severity[fail_on.upper()]}


def _by(asked: Asked) -> dict[str, object]:
    return {"version": __version__, "configuration": asked.configuration}


def _identity(path: str) -> tuple[str, int | None]:
    """What a file is known by, and its size; nothing where it is not there, which the look at it tells."""
    if is_remote(path):
        from reslint.remote.read import identity

        try:
            found = identity(path)
        except UnreadableModel:
            return "", None
        return found.text, found.size
    try:
        there = os.stat(path)
    except OSError:
        return "", None
    return f"{there.st_mtime_ns:x}:{there.st_size}", there.st_size


@dataclass
class Counts:
    """What a run has done so far."""

    models: int = 0
    unchanged: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[str, str]] = field(default_factory=list)
    bytes_read: int = 0

    def add(self, sights: Sequence[Sight]) -> None:
        """Count some more."""
        for one in sights:
            self.findings.update(str(finding["severity"]) for finding in one.findings)
            if one.model:
                self.models += 1
                self.bytes_read += int(str(one.model["bytes_read"] or 0))
            elif one.error:
                self.errors.append((one.path, str(one.error["error"])))
            else:
                self.unchanged += 1
