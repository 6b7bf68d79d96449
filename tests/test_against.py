"""What a model is held against: another one whose names differ, a PyTorch module; and sweeps over sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Ran, Run, Write, parsed
from onnx import numpy_helper

OURS = """
agraph (float[n, 8] x, float[n, 8] s) => (float[n, 8] y) <float[8, 8] w, float[8, 8] v>
{ f = MatMul (x, w) g = Relu (f) h = MatMul (g, v) a = Add (x, h) y = Add (a, s) }
"""
THEIRS = OURS.replace("float[n, 8] x, float[n, 8] s", "float[m, 8] input_0, float[m, 8] input_1").replace(
    "] y)", "] out)"
)
THEIRS = THEIRS.replace("(x,", "(input_0,").replace("(a, s)", "(a, input_1)").replace("y = Add", "out = Add")
TURNED = THEIRS.replace("float[m, 8] input_0, float[m, 8] input_1", "float[m, 8] input_1, float[m, 8] input_0")


def compared(ran: Ran, against: str) -> list[dict[str, list[dict[str, object]]]]:
    """The rows of one comparison."""
    rows = ran.json["measurements"][0]["agreement"]
    assert isinstance(rows, list)
    return [row for row in rows if row["against"] == against]


class TestNames:
    def test_by_order_where_they_differ_and_said_so(self, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        write("b.onnx", THEIRS)
        ran = run(
            "run", "a.onnx", "--against", "b.onnx", "--format", "json", "--time", "--runs", "20", "--seconds", "0"
        )
        assert ran.status == 0, ran.err
        assert "named otherwise in b.onnx: x is input_0, s is input_1, y is out" in ran.err
        rows = compared(ran, "b.onnx")
        assert rows
        assert all(row["agrees"] for row in rows)
        assert [row["equal"] for row in rows[0]["blocks"]] == [True]

    def test_a_map_goes_before_the_order(self, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        write("b.onnx", TURNED)
        wrong = run("run", "a.onnx", "--against", "b.onnx", "--select", "reference-mismatch")
        assert wrong.status == 1
        mapped = ("--map", "x=input_0", "--map", "s=input_1")
        assert run("run", "a.onnx", "--against", "b.onnx", "--select", "reference-mismatch", *mapped).status == 0

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--map", "q=input_0"), "has no input or output 'q', which --map names"),
            (("--map", "x=q"), "b.onnx has no input or output 'q', which --map names"),
            (("--map", "x"), "is not OURS=THEIRS"),
        ],
    )
    def test_maps_that_lead_nowhere(self, words: tuple[str, ...], says: str, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        write("b.onnx", THEIRS)
        ran = run("run", "a.onnx", "--against", "b.onnx", *words)
        assert ran.status == 2
        assert says in ran.err

    def test_other_types_are_not_matched(self, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        write("b.onnx", THEIRS.replace("8]", "16]").replace("8, 8", "16, 16").replace("[16, 8]", "[16, 16]"))
        ran = run("run", "a.onnx", "--against", "b.onnx")
        assert ran.status == 2
        assert "b.onnx has the input 'input_0'; the model's inputs are: x, s; say which it is with --map" in ran.err


NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.one, self.two = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)
    def forward(self, x):
        return x + self.two(torch.relu(self.one(self.norm(x))))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(6))
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x

def build():
    return Net(), (torch.randn(4, 16),)
"""


@pytest.mark.torch
class TestModule:
    @pytest.fixture(autouse=True)
    def exported(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (here / "againstnet.py").write_text(NET)
        monkeypatch.syspath_prepend(str(here))
        assert run("export", "againstnet:build", "-o", "a.onnx").status == 0

    def test_agrees_with_what_it_was_made_from(self, run: Run) -> None:
        ran = run(
            "run", "a.onnx", "--against", "againstnet:build", "--format", "json", "--select", "reference-mismatch"
        )
        assert ran.status == 0, ran.err
        rows = compared(ran, "againstnet:build")
        assert rows[0]["agrees"]
        assert len(rows[0]["blocks"]) == 6

    def test_names_the_block_that_differs(self, run: Run, here: Path) -> None:
        model = onnx.load(here / "a.onnx")
        (weight,) = (t for t in model.graph.initializer if t.name.endswith("3.two.bias"))
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(0.5), weight.name))
        onnx.save(model, here / "b.onnx")
        ran = run(
            "run", "b.onnx", "--against", "againstnet:build", "--format", "json", "--select", "reference-mismatch"
        )
        assert ran.status == 1
        (finding,) = ran.json["findings"]
        assert finding["module"] == "blocks.3"

    def test_a_module_that_can_not_be_had(self, run: Run) -> None:
        ran = run("run", "a.onnx", "--against", "againstnet:missing")
        assert ran.status == 2
        assert "againstnet has no 'missing'" in ran.err


def test_names_that_are_crossed(run: Run, write: Write) -> None:
    write("a.onnx", OURS)
    write(
        "b.onnx", OURS.replace("x, ", "q, ").replace("] s)", "] x)").replace("(x,", "(q,").replace("(a, s)", "(a, x)")
    )
    mapped = ("--map", "x=q", "--map", "s=x")
    ran = run("run", "a.onnx", "--against", "b.onnx", "--select", "reference-mismatch", *mapped)
    assert ran.status == 0, ran.err


class TestSweep:
    def test_sizes_with_throughput_and_memory(self, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        words = ("--sweep", "n=1,4", "--runs", "20", "--seconds", "0", "--threads", "1")
        ran = run("run", "a.onnx", *words, "--format", "json")
        assert ran.status == 0, ran.err
        rows = ran.json["measurements"][0]["sweep"]
        assert isinstance(rows, list)
        assert [(row["dimension"], row["size"]) for row in rows] == [("n", 1), ("n", 4)]
        assert rows[1]["where"]["fed"] == "x 4x8; s 4x8"
        assert rows[1]["per_second"] == pytest.approx(4000 / rows[1]["ms"]["p50"])
        assert "n=4" in run("run", "a.onnx", *words).out

    def test_a_size_that_fails_is_a_row(self, run: Run, write: Write) -> None:
        write(
            "a.onnx",
            OURS.replace("y = Add (a, s)", "k = Constant <value_ints = [2, 8]> () t = Reshape (s, k) y = Add (a, t)"),
        )
        ran = run(
            "run", "a.onnx", "--dim", "n=2", "--sweep", "n=2,5", "--runs", "20", "--seconds", "0", "--format", "json"
        )
        assert ran.status == 0, ran.err
        rows = ran.json["measurements"][0]["sweep"]
        assert isinstance(rows, list)
        assert rows[0]["failed"] is None
        assert "Reshape" in rows[1]["failed"]

    def test_what_is_no_size(self, run: Run, write: Write) -> None:
        write("a.onnx", OURS)
        assert "is not NAME=SIZE,SIZE" in run("run", "a.onnx", "--sweep", "n=0").err


class TestWeights:
    @pytest.mark.parametrize(
        ("value", "rule", "words"),
        [
            (np.nan, "nonfinite-values", ()),
            (1e6, "half-overflow", ("--as", "float16")),
            (np.inf, "nonfinite-values", ()),
        ],
    )
    def test_weights_are_looked_at_even_where_no_input_meets_them(
        self, value: float, rule: str, words: tuple[str, ...], run: Run, here: Path
    ) -> None:
        text = """
        agraph (float[n, 8] x, int64[n] k) => (float[n, 8] y) <float[1000, 8] table, float[8, 8] w>
        { e = Gather (table, k) f = MatMul (x, w) g = Relu (f) a = Add (e, g) y = MatMul (a, w) }
        """
        model = parsed(text)
        for tensor in model.graph.initializer:
            held = numpy_helper.to_array(tensor).copy()
            if tensor.name == "table":
                held[999] = value
            else:
                held[:, 3] = 0
            tensor.CopyFrom(numpy_helper.from_array(held, tensor.name))
        onnx.save(model, here / "a.onnx")
        np.savez(here / "in.npz", x=np.ones((2, 8), np.float32), k=np.arange(2))
        ran = run("run", "a.onnx", "--inputs", "in.npz", "--select", rule, *words)
        assert ran.status == 1, ran.err
        assert "the weight table" in ran.out
        assert "outputs whose weights are all zeros: 1 of 8 in w" in ran.out

    def test_infinity_in_a_mask_is_meant(self, run: Run, here: Path) -> None:
        model = parsed(
            "agraph (float[4, 4] x) => (float[4, 4] y) <float[4, 4] m> { s = Add (x, m) p = Softmax (s) y = MatMul (p, x) }"
        )
        held = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(held, "m"))
        onnx.save(model, here / "a.onnx")
        assert run("run", "a.onnx", "--as", "float16", "--fail-on", "note").status == 0


def test_a_branch_that_gives_a_constant_is_idle(run: Run, write: Write) -> None:
    text = """
    agraph (float[n, 8] x) => (float[n, 8] y) <float[8, 8] w, float[8, 8] v, float[8] b, float zero = {0.0}>
    { f = MatMul (x, w) g = Mul (f, zero) c = Cos (g) h = MatMul (c, v) y = Add (x, h) }
    """
    write("a.onnx", text)
    ran = run("run", "a.onnx", "--select", "idle-branch")
    assert "1 of 1 branches give the same on different inputs: at y a constant of magnitude" in ran.out
    write("b.onnx", text.replace("(f, zero)", "(f, f)"))
    assert "idle-branch" not in run("run", "b.onnx", "--select", "idle-branch").out
