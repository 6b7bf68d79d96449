"""Nothing in, what the command line and models of 1 GB cost against the floor out.

    python bench/floor.py [--times 5]

The floor is one Python process that imports onnx, networkx, click and numpy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from measure import FLOOR, RESLINT, measure, scratch
from models import gigabyte

FREE = ("onnx", "networkx", "numpy", "onnxruntime", "torch", "rich")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    floor = measure(FLOOR, times)
    inline, external = map(str, gigabyte(scratch()))
    load = (sys.executable, "-c", "import onnx, sys; onnx.load(sys.argv[1])")
    rows = {
        "reslint --help": (*RESLINT, "--help"),
        "reslint --version": (*RESLINT, "--version"),
        "reslint check, 1 GB inline": (*RESLINT, "check", "--no-cache", inline),
        "reslint check, 1 GB external": (*RESLINT, "check", "--no-cache", external),
        "onnx.load, 1 GB inline": (*load, inline),
    }
    for name, command in rows.items():
        print(f"{name:30}{measure(command, times).against(floor)}")
    for option in ("--help", "--version"):
        print(f"reslint {option} imports of {', '.join(FREE)}: {', '.join(imports(option)) or 'none'}")


def imports(option: str) -> list[str]:
    """Which of the packages that should not be are imported by an option."""
    done = subprocess.run([sys.executable, "-X", "importtime", *RESLINT[1:], option], capture_output=True, text=True)
    seen = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return [package for package in FREE if package in seen]


main()
