"""Graphs with every fiftieth shortcut left out in, what `reslint diff` and `reslint check --fix` cost out.

    python bench/diff.py [KIND ...] [--nodes 25000] [--factor 4] [--times 1]

The base of a comparison is `reslint anatomy --signature` of both models; that of a mended gigabyte is `reslint check` of it.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import onnx
from measure import RESLINT, Run, measure, scratch
from models import KINDS, gigabyte
from onnx import ModelProto, helper

_EVERY = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=["chain", "stream"], metavar="KIND")
    parser.add_argument("--nodes", type=int, default=25_000)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--times", type=int, default=1)
    given = parser.parse_args()
    for kind in given.kinds:
        small, large = (_compared(kind, n, given.times) for n in (given.nodes, given.nodes * given.factor))
        print(
            f"{kind:8}{small[0].cpu / small[1].cpu:5.2f} x the processor time of looking at both; {given.factor} times the "
            f"nodes take {large[0].cpu / small[0].cpu:.2f} x as much, {large[0].peak / small[0].peak:.1f} x memory; "
            f"exit {small[0].status}",
            flush=True,
        )
    print(_mended(given.times))


def _compared(kind: str, nodes: int, times: int) -> tuple[Run, Run]:
    whole, broken = (scratch() / f"{kind}-{nodes}{name}.onnx" for name in ("", "-broken"))
    if not broken.exists():
        model = KINDS[kind](nodes)
        onnx.save(model, whole)
        onnx.save(_broken(model), broken)
    paths = str(whole), str(broken)
    return (
        measure((*RESLINT, "diff", "--fail-on-lost-shortcut", *paths), times),
        measure((*RESLINT, "anatomy", "--signature", *paths), times),
    )


def _broken(model: ModelProto) -> ModelProto:
    sums = [node for node in model.graph.node if node.op_type == "Add"]
    for node in sums[::_EVERY]:
        node.op_type = "Identity"
        del node.input[0]
    return model


def _mended(times: int) -> str:
    """A model of 1 GB that drops values in training mode, mended: the weights must pass by."""
    drops, work = scratch() / "drops.onnx", scratch() / "mended.onnx"
    if not drops.exists():
        model = onnx.load(gigabyte(scratch())[0])
        last = model.graph.node[-1]
        name, last.output[0] = last.output[0], "kept"
        model.graph.initializer.append(helper.make_tensor("on", onnx.TensorProto.BOOL, [], [True]))
        model.graph.initializer.append(helper.make_tensor("ratio", onnx.TensorProto.FLOAT, [], [0.5]))
        model.graph.node.append(helper.make_node("Dropout", ["kept", "ratio", "on"], [name]))
        onnx.save(model, drops)
    base = measure((*RESLINT, "check", "--no-cache", str(drops)), times)
    runs = []
    for _ in range(times):
        shutil.copy(drops, work)
        runs.append(measure((*RESLINT, "check", "--no-cache", "--fix", str(work)), 1))
    best = min(runs, key=lambda run: run.wall)
    Path(work).unlink()
    return f"--fix, 1 GB inline: {best.against(base)} against check; exit {base.status}, then {best.status}"


main()
