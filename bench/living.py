"""Folders of models in, what a second run and a second process are worth out.

    python bench/living.py [FOLDER] [--times 5]

Without a folder, the fixtures. The base is a process that imports click; `one process` is held to one processor.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from measure import RESLINT, Run, measure

CLICK = (sys.executable, "-c", "import click")
FIXTURES = Path(__file__).parents[1] / "fixtures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=FIXTURES)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    os.environ["RESLINT_CACHE_DIR"] = cache = mkdtemp(prefix="reslint-bench-")
    try:
        rows(given.folder, given.times)
    finally:
        shutil.rmtree(cache)


def rows(folder: Path, times: int) -> None:
    check = (*RESLINT, "check", "--fail-on", "never", "--quiet", str(folder))
    base = measure(CLICK, times)
    alone = measure((shutil.which("taskset") or "taskset", "-c", "0", *check, "--no-cache"), times)
    shared = measure((*check, "--no-cache"), times)
    measure(check, 1)  # fills the cache
    cached = measure(check, times)
    print(f"{'against import click':30}{'time':>8}{'processor':>12}")
    for name, run in (("one process", alone), ("as many as pay", shared), ("cached", cached)):
        print(f"{name:30}{run.wall / base.wall:8.2f}{run.cpu / base.cpu:12.2f}")
    print(f"one process / as many as pay: {ratio(alone, shared)}; one process / cached: {ratio(alone, cached)}")


def ratio(run: Run, other: Run) -> str:
    return f"{run.wall / other.wall:.2f} x time, {run.cpu / other.cpu:.2f} x processor"


main()
