"""A session that profiles itself in, how long each of its nodes took out."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import onnxruntime

from reslint.runtime.protocol.job import Event, Feed

_RUNS = 20
_TIME = "_kernel_time"
_MICRO = 1e-6


def profiled(session: onnxruntime.InferenceSession, feed: Feed, runs: int = _RUNS) -> tuple[Event, ...]:
    """The nodes in the order in which they ran, each once; the first run, in which memory is laid out, does not count."""
    for _ in range(runs + 1):
        session.run(None, dict(feed))
    file = Path(session.end_profiling())
    told = json.loads(file.read_text("utf-8", "replace"))
    file.unlink()
    return tuple(events(told))


def events(told: Sequence[Mapping[str, object]]) -> Iterator[Event]:
    """What a profile tells of nodes: of each the median over all runs, since one that was interrupted says nothing.

    A node of control flow keeps what is left without the nodes in its body.
    """
    runs = sorted((_start(e), _start(e) + _length(e)) for e in told if e.get("name") == "model_run")[1:]
    nodes = [e for e in told if e.get("cat") == "Node" and str(e.get("name", "")).endswith(_TIME)]
    nodes.sort(key=lambda e: (_start(e), -_length(e)))
    starts = [_start(e) for e in nodes]
    ran = {str(e["name"]).removesuffix(_TIME): _ran(e.get("args")) for e in nodes}
    each = [_of_run(nodes[bisect_left(starts, first) : bisect_right(starts, last)]) for first, last in runs]
    for name in dict.fromkeys(name for run in each for name in run):
        yield Event(name, max(0.0, median(run.get(name, 0.0) for run in each)), *ran.get(name, ("", "")))


def _of_run(nodes: Sequence[Mapping[str, object]]) -> Mapping[str, float]:
    """The seconds of each node in one run."""
    found: dict[str, float] = {}
    around: list[tuple[int, str]] = []
    for event in nodes:
        name, end = str(event["name"]).removesuffix(_TIME), _start(event) + _length(event)
        while around and around[-1][0] <= _start(event):
            around.pop()
        if around and end <= around[-1][0]:
            found[around[-1][1]] -= _length(event) * _MICRO
        found[name] = found.get(name, 0.0) + _length(event) * _MICRO
        around.append((end, name))
    return found


def _ran(args: object) -> tuple[str, str]:
    """The provider that ran a node, and the node's type."""
    return (str(args.get("provider", "")), str(args.get("op_name", ""))) if isinstance(args, Mapping) else ("", "")


def _start(event: Mapping[str, object]) -> int:
    return _number(event.get("ts"))


def _length(event: Mapping[str, object]) -> int:
    return _number(event.get("dur"))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
