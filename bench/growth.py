"""Graphs of 25 and of 250 thousand nodes in, how reslint's time grows with them out.

    python bench/growth.py [KIND ...] [--nodes 25000] [--factor 10] [--times 3] [--command anatomy]

The base is a process that imports what the floor imports, parses the same file and lets onnx infer its shapes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnx
from measure import RESLINT, measure, scratch
from models import KINDS

BASE = (
    sys.executable,
    "-c",
    "import sys, onnx, networkx, click, numpy; onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1]), data_prop=True)",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--nodes", type=int, default=25_000)
    parser.add_argument("--factor", type=int, default=10)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--command", choices=("check --no-cache", "anatomy"), default="check --no-cache")
    given = parser.parse_args()
    for kind in given.kinds:
        small, large = (str(_model(kind, n)) for n in (given.nodes, given.nodes * given.factor))
        base = measure((*BASE, small), given.times)
        runs = [measure((*RESLINT, *given.command.split(), path), given.times) for path in (small, large)]
        print(
            f"{kind:8}{runs[0].wall / base.wall:5.2f} x import, parse and inference; {given.factor} times the nodes take "
            f"{runs[1].wall / runs[0].wall:5.2f} x the time ({runs[1].cpu / runs[0].cpu:.2f} x processor, "
            f"{runs[1].peak / runs[0].peak:.1f} x memory); exit {runs[0].status}, {runs[1].status}",
            flush=True,
        )


def _model(kind: str, nodes: int) -> Path:
    path = scratch() / f"{kind}-{nodes}.onnx"
    if not path.exists():
        onnx.save(KINDS[kind](nodes), path)
    return path


main()
