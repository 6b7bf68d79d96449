"""A run with its stream tapped against one without, as ratios: `python bench/tapping.py [--times N] MODEL...`."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from reslint.anatomy import dissect
from reslint.net import read
from reslint.runtime.child.main import started
from reslint.runtime.feeds.kinds import kinds
from reslint.runtime.feeds.synthesize import synthesized
from reslint.runtime.model.runnable import plan, runnable
from reslint.runtime.model.taps import Taps
from reslint.runtime.probes.streams import exposed, streams

FIXTURES = Path(__file__).parents[1] / "fixtures"
MODELS = ("resnet50", "vit_b_16", "bert", "convnext_tiny")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, default=[FIXTURES / f"{name}.onnx" for name in MODELS])
    parser.add_argument("--times", type=int, default=15)
    given = parser.parse_args()
    for path in given.models:
        print(f"{path.stem:<16} {line(path, given.times)}", flush=True)


def line(path: Path, times: int) -> str:
    """Both sessions in turns on one input; the ratio of the medians, for the statistics and for whole streams as outputs."""
    net = read(path)
    model = runnable(net, fill=0)
    found = streams(dissect(net))
    (feed, *_), *_ = synthesized(net, {}, 0, kinds(model.proto)).feeds
    names = tuple(dict.fromkeys(name for s in found for name in (s.into, s.shortcut, s.branch, s.merged)))
    tapped = Taps(names, tuple((s.into, s.merged) for s in found if s.into == s.shortcut))
    protos = (model.proto, tapped.onto(exposed(model.proto, found)), whole(model.proto, names))
    sessions = []
    for proto in protos:
        one = plan("bench", type(model)(proto, model.folder, model.weights))
        sessions.append(started(one, several=True))
    base, *others = medians(sessions, feed, times)
    taps, streams_ = (f"{other / base:.2f}" for other in others)
    size = sum(int(np.prod(v.shape)) for v in sessions[2].run(None, dict(feed))) * 4 / 2**20
    return f"{len(found)} blocks, {len(names)} tensors: tapped {taps}, whole tensors out {streams_} and {size:.0f} MiB"


def whole(proto, names):
    """The model with all the same tensors as outputs."""
    made = type(proto)()
    made.CopyFrom(proto)
    known = {o.name for o in made.graph.output} | {i.name for i in made.graph.input}
    for name in names:
        if name not in known:
            made.graph.output.add(name=name)
    return made


def medians(sessions: list[onnxruntime.InferenceSession], feed, times: int) -> list[float]:
    seconds: list[list[float]] = [[] for _ in sessions]
    for _ in range(times):
        for at, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, dict(feed))
            seconds[at].append(time.perf_counter() - start)
    return [statistics.median(s[2:]) for s in seconds]


if __name__ == "__main__":
    main()
