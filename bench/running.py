"""What `reslint run` costs beyond the runs themselves, and how often it calls a model slower than itself.

    python bench/running.py isolation [--times 5]
    python bench/running.py itself [--times 100] [MODEL...]
    python bench/running.py coverage [--times 40] [MODEL...]

`isolation` compares a run in a process of its own with the same run inside this one. `itself` holds a model against itself,
time after time: the interval of the ratio should miss 1 in 5 of 100 times, half of them on each side.
`coverage` times a model again and again: how often each interval holds the percentile of all runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import numpy_helper

from reslint.anatomy import dissect
from reslint.net import read
from reslint.runtime import Limits
from reslint.runtime.child.main import started
from reslint.runtime.child.stopwatch import timed
from reslint.runtime.feeds.synthesize import synthesized
from reslint.runtime.launch.process import launch
from reslint.runtime.model.runnable import plan, runnable
from reslint.runtime.protocol.job import Feed, Plan, Timing
from reslint.runtime.timing.latency import latency
from reslint.runtime.timing.ratio import GROUPS, ratio

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIZES = ("highway", "bert_small", "resnet18", "resnet50")
FAST = ("highway", "gnn", "bert_small")
FLOOR = "import numpy, onnxruntime"


def ready(name: str, folder: str) -> tuple[Plan, Feed]:
    """A model of the fixtures, saved with made-up weights, and what it is fed."""
    source = FIXTURES / f"{name}.onnx"
    weights = runnable(read(source), 0).weights
    made = onnx.load(source, load_external_data=False)
    for tensor in made.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    file = Path(folder) / source.name
    onnx.save(made, file)
    net = read(file)
    return plan(name, runnable(net)), synthesized(net, {}, 0).feeds[0][0]


def best(times: int, run: Callable[[], object]) -> float:
    """The least seconds of several calls."""
    return min(_seconds(run) for _ in range(times))


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def isolation(times: int, folder: str) -> Iterator[str]:
    """In a child against here, and what the child costs beyond a bare process that imports ONNX Runtime."""
    floor = best(times, lambda: subprocess.run([sys.executable, "-c", FLOOR], check=True))
    for name in SIZES:
        one, feed = ready(name, folder)
        here = best(times, lambda: started(one).run(None, dict(feed)))  # noqa: B023
        child = best(times, lambda: launch((one,), ((feed,),), Limits()))  # noqa: B023
        yield f"{name:<10} child / here {child / here:6.2f}   child / (here + bare process) {child / (here + floor):5.2f}"


def coverage(times: int, folder: str, names: tuple[str, ...]) -> Iterator[str]:
    """How often the interval of each percentile holds the percentile of all runs together; the first run only warms up."""
    for name in names:
        one, feed = ready(name, folder)
        anatomy, timing = dissect(read(Path(folder) / f"{name}.onnx")), Timing(400, 1.0, groups=GROUPS)
        made = [launch((one,), ((feed,),), Limits(), timing).seconds for _ in range(times + 1)][1:]
        found = [latency(anatomy, "cpu", 0, seconds).intervals for seconds in made]
        every = np.concatenate([group for seconds in made for group in seconds[0]]) * 1000
        for percent in (50, 90, 95, 99):
            truth = float(np.percentile(every, percent))
            held = sum(low <= truth <= high for low, high in (intervals[f"p{percent}"] for intervals in found))
            wide = np.median([(high - low) / truth for low, high in (i[f"p{percent}"] for i in found)])
            yield f"{name:<10} p{percent}: {held} of {times} hold {truth:.4g} ms; median width {wide:.2f}"


def itself(times: int, folder: str, names: tuple[str, ...]) -> Iterator[str]:
    """How often the interval of a model's ratio to itself lies above 1, below 1, and above the default limit of 1.05."""
    for name in names:
        one, feed = ready(name, folder)
        timing = Timing(400, groups=GROUPS)
        found = [ratio(*timed([lambda: started(one, several=True)] * 2, feed, timing)) for _ in range(times)]  # noqa: B023
        above, below, slower = (
            sum(test(low, high) for _, low, high in found) / times
            for test in (lambda low, _: low > 1, lambda _, high: high < 1, lambda low, _: low > 1.05)
        )
        width = sorted(high - low for _, low, high in found)[times // 2]
        yield f"{name:<10} above 1: {above:.3f}   below 1: {below:.3f}   above 1.05: {slower:.3f}   width {width:.3f}"


def main() -> None:
    """Print the rows of what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("what", choices=("isolation", "itself", "coverage"))
    asked.add_argument("models", nargs="*", default=FAST)
    asked.add_argument("--times", type=int, default=0)
    given = asked.parse_args()
    with TemporaryDirectory(prefix="reslint-") as folder:
        if given.what == "isolation":
            rows = isolation(given.times or 5, folder)
        elif given.what == "coverage":
            rows = coverage(given.times or 40, folder, tuple(given.models))
        else:
            rows = itself(given.times or 100, folder, tuple(given.models))
        for row in rows:
            print(row, flush=True)


if __name__ == "__main__":
    main()
