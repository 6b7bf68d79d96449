"""What looked like a fault of the model, and is none: ties, empty selections, NaN that was fed, sizes that are too small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run, Write, parsed
from onnx import numpy_helper

from reslint.anatomy import dissect
from reslint.measure import Optimized
from reslint.net import read
from reslint.net.values import Array
from reslint.runtime import Wanted, measured
from reslint.runtime.agreement.by_block import Side
from reslint.runtime.agreement.compare import Tolerances, differences
from reslint.runtime.agreement.decided import decided
from reslint.runtime.launch.process import Limits, launch
from reslint.runtime.model.runnable import Runnable, plan, runnable
from reslint.runtime.protocol.job import Feed

SATURATED = """
agraph (float[1, 4, 32, 32] x) => (float[1, 4, 32, 32] y) <float[4, 4, 3, 3] w>
{ c = Conv <pads = [1, 1, 1, 1]> (x, w) s = Sigmoid (c)
  m = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (s) e = Equal (s, m) k = Cast <to = 1> (e) y = Mul (k, s) }
"""


def test_a_selection_of_nothing_is_no_infinity(run: Run, write: Write) -> None:
    write(
        "a.onnx",
        """agraph (float[1, 16] x) => (float[n] y) <float limit = {1000.0}>
        { g = Greater (x, limit) k = NonZero (g) t = Transpose <perm = [1, 0]> (k) y = GatherND (x, t) }""",
    )
    ran = run("run", "a.onnx", "--format", "json")
    assert ran.json["findings"] == []


class TestTies:
    def test_peaks_that_rounding_decides(self, here: Path) -> None:
        """One side's numbers are off by the last bit: peaks of the saturated sigmoid come and go, and that says nothing."""
        model = parsed(SATURATED)
        (weight,) = model.graph.initializer
        random = np.random.default_rng(0)
        weight.CopyFrom(numpy_helper.from_array((6 * random.standard_normal((4, 4, 3, 3))).astype(np.float32), "w"))
        onnx.save(model, here / "a.onnx")
        anatomy = dissect(read(here / "a.onnx"))
        other = runnable(anatomy.net)
        moved = other.copy()
        values = numpy_helper.to_array(weight)
        for tensor in moved.proto.graph.initializer:
            if tensor.name == "w":
                tensor.CopyFrom(numpy_helper.from_array((values * (1 + 3e-7)).astype(np.float32), "w"))
        feed = {"x": random.standard_normal((1, 4, 32, 32)).astype(np.float32)}
        one, two = (_outputs(side, feed) for side in (other, moved))
        apart = Optimized(anatomy, "it", tuple(differences(two, one, Tolerances())))
        assert not apart.agrees  # else the test shows nothing
        found = decided(apart, Side(moved, ()), Side(other, ()), feed, Limits(), Tolerances())
        assert found.agrees
        (d,) = found.differences
        assert d.decided is not None
        assert 0 < d.decided < 0.1

    @pytest.mark.parametrize(("op", "agrees"), [("ArgMax <axis = 1>", False), ("Relu", False)])
    def test_what_differs_before_the_decision_is_no_tie(self, here: Path, run: Run, op: str, agrees: bool) -> None:
        kind = "int64[4, 1]" if op.startswith("ArgMax") else "float[4, 8]"
        graph = f"agraph (float[4, 8] x) => ({kind} y) <float[8, 8] w> {{ f = MatMul (x, w) y = {op} (f) }}"
        model = parsed(graph)
        onnx.save(model, here / "old.onnx")
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
        onnx.save(model, here / "new.onnx")
        ran = run("run", "new.onnx", "--against", "old.onnx", "--select", "reference-mismatch")
        assert (ran.status == 0) is agrees


def test_nan_that_was_fed_is_not_blamed_on_the_model(run: Run, write: Write, here: Path) -> None:
    write("a.onnx", "agraph (float[4] x) => (float[4] y) { y = Relu (x) }")
    np.savez(here / "bad.npz", x=np.array([1, np.nan, 2, np.inf], np.float32))
    ran = run("run", "a.onnx", "--inputs", "bad.npz", "--select", "nonfinite-values", "--format", "json")
    assert ran.json["findings"] == []
    assert "the input x holds NaN or infinity" in ran.err


class TestInputs:
    def test_a_long_kernel_and_an_odd_size(self, write: Write) -> None:
        graph = """agraph (float[n, t] x) => (float[n, 1, u] y) <float[1, 1, 400] w, int64[1] a = {1}>
        { z = Unsqueeze (x, a) y = Conv <kernel_shape = [400], strides = [160]> (z, w) }"""
        ran = measured(dissect(read(write("a.onnx", graph))), Wanted())
        assert [np.shape(feed["x"])[1] for feed in ran.feeds] == [512, 768]
        assert all(np.abs(np.asarray(feed["x"])).max() <= 1 for feed in ran.feeds)
        plain = "agraph (float[n, s, 4] x) => (float[n, s, 4] y) { y = Relu (x) }"
        ran = measured(dissect(read(write("b.onnx", plain))), Wanted())
        assert [np.shape(feed["x"]) for feed in ran.feeds] == [(2, 8, 4), (3, 13, 4)]

    def test_an_image_lies_in_its_range(self, run: Run, write: Write) -> None:
        scaled = "c = Constant <value_float = 255.0> () d = Div (x, c)"
        for before, read_, most in (("", "x", 1), (scaled, "d", 255)):
            graph = f"""agraph (float[1, 3, 8, 8] x) => (float[1, 2, 6, 6] y) <float[2, 3, 3, 3] w>
            {{ {before} y = Conv ({read_}, w) }}"""
            ran = measured(dissect(read(write("a.onnx", graph))), Wanted())
            image = np.asarray(ran.feeds[0]["x"])
            assert 0 <= image.min() < image.max() <= most
            assert image.max() > 0.9 * most
            assert f"numbers from 0 to {most}, as an image has" in ran.fed[0]

    def test_the_second_mask_is_padded(self, write: Write) -> None:
        graph = """agraph (float[n, s] x, bool[n, s] keep) => (float[n, s] y) <float zero = {0.0}>
        { y = Where (keep, x, zero) }"""
        whole, padded = measured(dissect(read(write("a.onnx", graph))), Wanted()).feeds
        assert np.asarray(whole["keep"]).all()
        assert np.asarray(padded["keep"])[0].tolist() == [True] * 10 + [False] * 3

    def test_one_array_for_one_input(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[4] x) => (float[4] y) { y = Relu (x) }")
        np.save(here / "x.npy", np.ones(4, np.float32))
        ran = run("run", "a.onnx", "--inputs", "x.npy", "--format", "json")
        assert ran.status == 0, ran.err
        write("two.onnx", "agraph (float[4] x, float[4] z) => (float[4] y) { y = Add (x, z) }")
        ran = run("run", "two.onnx", "--inputs", "x.npy")
        assert ran.status == 2
        assert "has 2 inputs, but x.npy holds one unnamed array" in ran.err


def _outputs(model: Runnable, feed: Feed) -> Mapping[str, Array]:
    answer = launch((plan("it", model),), ((feed,),), Limits())
    return answer.ran[0][0].outputs[0]
