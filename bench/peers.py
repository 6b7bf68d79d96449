"""The models that the onnx wheel ships in, the time of reslint and of its peers on each out, as multiples of reslint's.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install onnx==1.23.2 polygraphy==0.53.6 onnxsim==0.8.1 \
        onnx_graphsurgeon==0.6.1 onnxruntime==1.32.0
    python bench/peers.py /tmp/peers [NAME ...]

The peers live in a virtual environment of their own. Polygraphy runs once, since it may take minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import onnx
from measure import RESLINT, measure

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
CHECKER = "import sys, onnx; onnx.checker.check_model(sys.argv[1], full_check=True)"


def main() -> None:
    venv, names = Path(sys.argv[1]), sys.argv[2:]
    print(f"{'model':22}{'nodes':>6}{'onnx.checker':>14}{'onnxsim':>9}{'polygraphy':>12}   (reslint check = 1)")
    for path in sorted(LIGHT.glob("*.onnx")):
        name = path.stem.removeprefix("light_")
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            peers = (
                ((str(venv / "bin" / "python"), "-c", CHECKER, str(path)), 3),
                ((str(venv / "bin" / "onnxsim"), str(path), f"{folder}/made.onnx"), 1),
                ((str(venv / "bin" / "polygraphy"), "check", "lint", str(path)), 1),
            )
            ours = measure((*RESLINT, "check", "--no-cache", str(path)), 3)
            runs = [measure(command, times) for command, times in peers]
        ratios = [f"{r.wall / ours.wall:.1f}{'' if r.status == 0 else f' ({r.status})'}" for r in runs]
        nodes = len(onnx.load(path).graph.node)
        print(f"{name:22}{nodes:6}{ratios[0]:>14}{ratios[1]:>9}{ratios[2]:>12}   exit {ours.status}", flush=True)


main()
