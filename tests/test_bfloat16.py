"""A model of bfloat16 is run, rounded, compared and timed as any other."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from conftest import Run
from onnx import TensorProto, helper, numpy_helper

from reslint.anatomy import dissect
from reslint.measure import Fed, Narrowed, Signal
from reslint.net import read
from reslint.runtime import Wanted, measured
from reslint.runtime.model.bfloat16 import bordered, is_bfloat16
from reslint.runtime.model.runnable import runnable


@pytest.fixture
def path(here: Path) -> Path:
    """Four blocks of one layer, all in bfloat16."""
    random = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array((random.standard_normal((16, 16)) / 4).astype(ml_dtypes.bfloat16), f"w{k}")
        for k in range(4)
    ]
    nodes = [
        node
        for k in range(4)
        for node in (
            helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"f{k}"]),
            helper.make_node("Relu", [f"f{k}"], [f"g{k}"]),
            helper.make_node("Add", [f"x{k}", f"g{k}"], [f"x{k + 1}"]),
        )
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.BFLOAT16, ["n", 16]) for name in ("x0", "x4")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), here / "a.onnx")
    return here / "a.onnx"


def test_it_is_run_in_float32_and_says_so(path: Path, run: Run) -> None:
    ran = run("run", "a.onnx", "--format", "json")
    assert ran.status == 0, ran.err
    assert "bfloat16 is widened to float32 on the CPU" in ran.err
    found = measured(dissect(read(path)), Wanted())
    (signal,) = (one for one in found.subjects if isinstance(one, Signal))
    weights = [numpy_helper.to_array(t).astype(np.float64) for t in onnx.load(path).graph.initializer]
    peaks = []
    for feed in found.feeds:
        stream = np.asarray(feed["x0"], np.float64)
        for weight in weights:
            stream = stream + np.maximum(stream @ weight, 0)
        peaks.append(np.abs(stream).max())
    assert signal.taps[-1].merged.peak == pytest.approx(max(peaks), rel=1e-4)
    (fed,) = (one for one in found.subjects if isinstance(one, Fed))
    assert [given.type for given in fed.runs[0]] == ["bfloat16"]


def test_it_is_rounded_to_its_own_type(path: Path, run: Run) -> None:
    found = measured(dissect(read(path)), Wanted(rounded=True))
    (rounded,) = (one for one in found.subjects if isinstance(one, Narrowed))
    assert "bfloat16" in rounded.against
    assert len(rounded.blocks) == 4
    assert all(noise.own is not None and 35 < noise.own < 65 for noise in rounded.blocks)


def test_it_is_compared_and_timed(path: Path, run: Run) -> None:
    ran = run("run", "a.onnx", "--against", "a.onnx", "--time", "--runs", "20", "--seconds", "0", "--format", "json")
    assert ran.status in (0, 1), ran.err
    assert not [f for f in ran.json["findings"] if f["family"] == "numerics"]


def test_its_border_may_be_float32(path: Path) -> None:
    model = runnable(read(path))
    assert is_bfloat16(model.proto)
    made = bordered(model).proto
    kinds = {v.type.tensor_type.elem_type for v in (*made.graph.input, *made.graph.output)}
    assert kinds == {TensorProto.FLOAT}
    assert [v.name for v in (*made.graph.input, *made.graph.output)] == ["x0", "x4"]
    assert [n.op_type for n in made.graph.node].count("Cast") == 2
    onnx.checker.check_model(made)


def test_any_model_may_be_held_to_it(run: Run, path: Path) -> None:
    ran = run("run", "a.onnx", "--as", "bfloat16", "--format", "json")
    assert ran.status == 0, ran.err
