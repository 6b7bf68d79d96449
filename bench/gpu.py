"""What `reslint run` does on a real GPU, check by check, as a table in Markdown. Started by bench/gpu.sh.

    python bench/gpu.py [--provider cuda]

Another provider shows that the script itself works where there is no GPU: what only CUDA has fails then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.parser import parse_model

from reslint.net import read
from reslint.runtime.model.runnable import runnable

FIXTURES = Path(__file__).parents[1] / "fixtures"
LEFT = """
<ir_version: 8, opset_import: ["": 17]>
agraph (float[64, 64] x) => (float[64, 64] y)
{ u, i, j, k = Unique <sorted = 1> (x) s = ReduceSum <keepdims = 0> (u) f = Add (x, s) g = Relu (f) y = Add (x, g) }
"""
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    status: int
    out: Mapping[str, Sequence[Mapping[str, object]]]
    err: str

    def rows(self, kind: str) -> Sequence[Row]:
        """What was measured of one kind."""
        found = self.out["measurements"][0].get(kind, [])
        return found if isinstance(found, list) else []

    def agreement(self, against: str) -> str:
        """How far the worst output is from what it was compared with, and whether it agrees."""
        rows = [row for row in self.rows("agreement") if against in str(row["against"])]
        if not rows:
            return "not compared"
        return "; ".join(
            f"{'agrees' if row['agrees'] else 'DIFFERS'}, {row['relative']:.2g} of its largest" for row in rows
        )


@cache
def run(model: Path, *words: str) -> Ran:
    """Run reslint as a shell would."""
    command = [sys.executable, "-m", "reslint", "run", str(model), "--format", "json", "--fail-on", "never", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return Ran(ended.returncode, json.loads(ended.stdout or '{"measurements": [{}]}'), ended.stderr.strip())


def filled(name: str, folder: Path) -> Path:
    """A model of the fixtures with made-up weights in it."""
    source = FIXTURES / f"{name}.onnx"
    weights = runnable(read(source), 0).weights
    made = onnx.load(source, load_external_data=False)
    for tensor in made.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weights[tensor.name]), tensor.name))
    onnx.save(made, folder / source.name)
    return folder / source.name


def checks(folder: Path, provider: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each check in words, with what runs it and says how it went."""
    on = ("--provider", provider)

    def compared(name: str, against: str, *words: str) -> Callable[[], str]:
        def said() -> str:
            ran = run(filled(name, folder), *on, *words)
            return ran.agreement(against) if ran.status == 0 else f"FAILS: {ran.err}"

        return said

    def auto() -> str:
        ran = run(filled("highway", folder), "--provider", "auto")
        return ran.err or str(ran.rows("placement")[:1])

    def left() -> str:
        model = parse_model(LEFT)
        onnx.save(model, folder / "left.onnx")
        ran = run(folder / "left.onnx", *on)
        (placement,) = ran.rows("placement")
        severity = [f["severity"] for f in ran.out["findings"] if f["rule"] == "provider-fallback"]
        told = ", ".join(f"{key} {placement[key]}" for key in ("nodes", "parts", "copies", "share_elsewhere"))
        return f"{told}: {severity}"

    def alone() -> str:
        ran = run(filled("llama_fp16", folder), *on, "--reference", "none")
        return f"{len(ran.rows('signal'))} blocks tapped there" if ran.status == 0 else f"FAILS: {ran.err}"

    def timed(*words: str) -> Callable[[], str]:
        def said() -> str:
            ran = run(filled("resnet50", folder), *on, "--time", *words)
            if ran.status:
                return f"FAILS: {ran.err}"
            (latency,) = ran.rows("latency")
            return f"{latency['ms']}, {latency['intervals_ms']}, cold {latency['cold_ms']}, {latency['where']}"

        return said

    def overflow() -> str:
        """The stream overflows in true half precision, and on a CPU that computes it in float32 it does not."""
        model = onnx.load(filled("bert_small_fp16", folder))
        merge = next(node for node in model.graph.node if node.op_type == "Add" and len(node.input) == 2)
        model.graph.initializer.append(
            helper.make_tensor("by", onnx.TensorProto.FLOAT16, [], np.array([6e4], np.float16))
        )
        scaled = helper.make_node("Mul", [merge.input[1], "by"], ["scaled"])
        at = list(model.graph.node).index(merge)
        merge.input[1] = "scaled"
        model.graph.node.insert(at, scaled)
        onnx.save(model, folder / "over.onnx")
        ran = run(folder / "over.onnx", *on)
        return (
            ", ".join(sorted({str(f["rule"]) for f in ran.out["findings"]})) if ran.status == 0 else f"FAILS: {ran.err}"
        )

    yield "auto runs a kernel and says what it takes", auto
    yield "resnet50 beside the CPU", compared("resnet50", "the CPU")
    yield "the same, run again there", compared("resnet50", "run again")
    yield "the same without optimizations there", compared("resnet50", "without graph optimizations")
    yield "as shipped, with TF32", compared("resnet50", "as shipped")
    yield "bert_small beside the CPU", compared("bert_small", "the CPU")
    yield "half precision, natively", compared("bert_small_fp16", "the CPU")
    yield "half precision that overflows", overflow
    yield "eight bits", compared("bert_small_int8", "the CPU")
    yield "what the provider leaves to the CPU", left
    yield "without a reference", alone
    yield "latency, warm, with memory and clocks", timed()
    if provider == "cuda":
        yield (
            "another search of algorithms",
            compared("resnet18", "the CPU", "--provider-option", "cudnn_conv_algo_search=HEURISTIC", "--device", "0"),
        )
        yield "CUDA graphs", timed("--provider-option", "enable_cuda_graph=1")
        yield "memory is limited", timed("--memory", "4")


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", default="cuda")
    provider = parser.parse_args().provider
    print("| check | result | seconds |\n|---|---|---|", flush=True)
    with TemporaryDirectory(prefix="reslint-gpu-") as folder:
        every = [*checks(Path(folder), provider)]
        if provider == "cuda":
            every += [
                (f"tensorrt: {name}", check) for name, check in checks(Path(folder), "tensorrt") if "beside" in name
            ]
        for name, check in every:
            start = time.perf_counter()
            try:
                said = check()
            except Exception as error:  # the other checks are still worth their time on a machine that is lent
                said = f"FAILS: {type(error).__name__}: {error}"
            print(f"| {name} | {' '.join(said.split())} | {time.perf_counter() - start:.1f} |", flush=True)


if __name__ == "__main__":
    main()
