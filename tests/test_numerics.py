"""Numerics of runs: the signal at merges of every form, agreement and where it ends, half precision, proofs."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run, Write, parsed
from onnx import TensorProto, numpy_helper

from reslint.anatomy import Anatomy, dissect
from reslint.measure import Agreement, Measurement, Narrowed, Optimized, Repeated, Sensitivity, Signal
from reslint.net import read
from reslint.net.values import Array
from reslint.rules import Settings
from reslint.rules.half_overflow import half_overflow
from reslint.runtime import Wanted, measured
from reslint.runtime.agreement.compare import EXACT, Tolerances, coarseness, difference, differences
from reslint.runtime.model.bounded_outputs import squashed
from reslint.runtime.model.fill import filled

FIXTURES = Path(__file__).parents[1] / "fixtures"
STACK = """
agraph (float[4, 8] x) => (float[4, 8] y) <float[8, 8] w, float[8, 8] v>
{
    f = MatMul (x, w) g = Relu (f) a = Add (x, g)
    h = MatMul (a, v) k = Relu (h) b = Add (a, k)
    l = MatMul (b, w) m = Relu (l) y = Add (b, m)
}
"""


def ready(path: Path) -> Anatomy:
    return dissect(read(path))


def ran(path: Path, wanted: Wanted | None = None) -> tuple[Measurement, ...]:
    return measured(ready(path), wanted or Wanted()).subjects


def signal(subjects: tuple[Measurement, ...]) -> Signal:
    (found,) = (subject for subject in subjects if isinstance(subject, Signal))
    return found


def compared(subjects: tuple[Measurement, ...], kind: type[Agreement]) -> list[Agreement]:
    return [subject for subject in subjects if isinstance(subject, kind)]


def planted(model: onnx.ModelProto, name: str, values: Array) -> None:
    (tensor,) = (t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(values.astype(numpy_helper.to_array(tensor).dtype), name))


class TestSignal:
    """What is measured inside the graph is what numpy finds outside of it."""

    def test_against_numpy(self, write: Write, here: Path) -> None:
        path = write("a.onnx", STACK)
        (w, v) = (numpy_helper.to_array(t).astype(np.float64) for t in onnx.load(path).graph.initializer)
        x = np.random.default_rng(0).normal(3, 2, (4, 8)).astype(np.float32)
        np.savez(here / "x.npz", x=x)
        found = signal(ran(path, Wanted(inputs=here / "x.npz")))
        stream = x.astype(np.float64)
        for tap, weight in zip(found.taps, (w, v, w), strict=True):
            branch = np.maximum(stream @ weight, 0)
            total = stream + branch
            for taken, array in ((tap.shortcut, stream), (tap.branch, branch), (tap.merged, total)):
                assert taken.variance == pytest.approx(array.var(), rel=1e-4)
                assert taken.mean == pytest.approx(array.mean(), rel=1e-4)
                assert taken.peak == pytest.approx(np.abs(array).max(), rel=1e-5)
                assert taken.shape == (4, 8)
                assert taken.steady is None  # one input tells nothing on that
            assert tap.ratio == pytest.approx(np.sqrt((branch**2).mean() / (stream**2).mean()), rel=1e-4)
            cosine = (stream * total).sum() / np.sqrt((stream**2).sum() * (total**2).sum())
            assert tap.cosine == pytest.approx(cosine, rel=1e-5)
            stream = total
        assert found.untapped == 0

    def test_what_is_infinite_has_no_cosine(self, write: Write) -> None:
        branch = "a = MatMul (x, w) e = Exp (a) k = Exp (e) b = Exp (k)"
        path = write(
            "a.onnx", f"agraph (float[64, 8] x) => (float[64, 8] y) <float[8, 8] w> {{ {branch} y = Add (x, b) }}"
        )
        (tap,) = signal(ran(path)).taps
        assert not tap.merged.finite
        assert tap.cosine is not None
        assert math.isnan(tap.cosine)

    def test_fused_and_quantized_merges(self, here: Path) -> None:
        """The stream of SkipLayerNormalization is its sum, a Gemm's branch its product, a QLinearAdd's sides are scaled."""
        graph = """
        agraph (float[2, 4, 8] x, float[2, 8] z) => (float[2, 4, 8] y, float[2, 8] g) <float[8] s, float[8, 8] w, float[8, 8] u>
        {
            m = MatMul (x, w)  r = Relu (m)
            y = com.microsoft.SkipLayerNormalization (x, r, s, s)
            a = Relu (z)
            b = MatMul (a, u)
            c = Tanh (b)
            g = Gemm (c, u, a)
        }
        """
        model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17, "com.microsoft": 1]>{graph}')
        from pages import weigh

        weigh(model.graph)
        onnx.save(model, here / "a.onnx")
        x = np.random.default_rng(0).normal(size=(2, 4, 8)).astype(np.float32)
        z = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
        np.savez(here / "in.npz", x=x, z=z)
        w, u = (numpy_helper.to_array(t) for t in model.graph.initializer if t.name in ("w", "u"))
        skip, gemm = signal(ran(here / "a.onnx", Wanted(inputs=here / "in.npz"))).taps
        branch = np.maximum(x @ w, 0)
        assert skip.merged.variance == pytest.approx((x + branch).var(), rel=1e-4)
        a = np.maximum(z, 0)
        product = np.tanh(a @ u) @ u
        assert gemm.branch.variance == pytest.approx(product.var(), rel=1e-3)
        assert gemm.shortcut.peak == pytest.approx(a.max(), rel=1e-5)

    def test_a_second_input_tells_what_is_constant(self, write: Write) -> None:
        graph = """agraph (float[4, 8] x) => (float[4, 8] y) <float[8, 8] w, float[8] c, float[8] z = {0,0,0,0,0,0,0,0}>
        { f = MatMul (x, w) g = Mul (f, z) h = Add (g, c) y = Add (x, h) }"""
        (tap,) = signal(ran(write("a.onnx", graph))).taps
        assert tap.branch.steady
        assert tap.merged.steady is False

    def test_what_half_precision_loses(self, here: Path) -> None:
        model = parsed("""agraph (float[2, 4] x) => (float[2, 4] y) <float[4, 4] w>
        { f = MatMul (x, w) y = Add (x, f) }""")
        planted(model, "w", np.eye(4, dtype=np.float32) * 1e-8)
        onnx.save(model, here / "a.onnx")
        np.savez(here / "x.npz", x=np.array([[1, 2, 9, -1], [3, 1, 0, -2]], np.float32))
        found = signal(ran(here / "a.onnx", Wanted(inputs=here / "x.npz", precision="float16")))
        assert found.taps[0].branch.lost == pytest.approx(5 / 7)  # 3e-8 and 9e-8 are rounded up
        (draft,) = half_overflow(found, Settings())
        assert "71% of its nonzero elements become zero in half precision" in draft.message

    def test_a_sequence_is_no_tensor(self, run: Run, here: Path) -> None:
        graph = "agraph (float[2] x) => (seq(float[2]) y, float[2] z) { y = SequenceConstruct (x, x) z = Relu (x) }"
        onnx.save(parsed(graph), here / "a.onnx")
        ran = run("run", "a.onnx", "--format", "json")
        assert ran.status == 0, ran.err
        (row,) = json.loads(ran.out)["measurements"]
        assert {a["output"] for a in row["agreement"]} == {"y[0]", "y[1]", "z"}

    def test_bodies_are_told(self, run: Run) -> None:
        ran = run("run", str(FIXTURES / "loop_ts.onnx"), "--fill")
        assert ran.status == 0
        assert "1 block not tapped: those in bodies, concatenations and fused ops" in ran.out


class TestTables:
    def test_text_and_json(self, run: Run, write: Write) -> None:
        write("a.onnx", STACK)
        ran = run("run", "a.onnx")
        lines = ran.out.splitlines()
        at = lines.index("  signal at 3 residual merges")
        assert lines[at + 1].endswith("var stream  peak  peak/65504  cosine")
        assert [line.split()[0] for line in lines[at + 2 : at + 5]] == ["a", "b", "y"]
        assert "    y, itself, run again                   equal" in lines
        document = json.loads(run("run", "a.onnx", "--format", "json").out)
        (row,) = document["measurements"]
        assert row["path"] == "a.onnx"
        assert [tap["merge"] for tap in row["signal"]] == ["a", "b", "y"]
        assert {a["against"] for a in row["agreement"]} == {"itself, run again", "itself without graph optimizations"}
        assert all(a["agrees"] for a in row["agreement"])

    def test_check_measures_nothing(self, run: Run, write: Write) -> None:
        write("a.onnx", STACK)
        assert "measurements" not in json.loads(run("check", "a.onnx", "--format", "json").out)

    def test_the_middle_of_a_deep_model_is_left_out_aloud(self, run: Run, write: Write) -> None:
        blocks = "".join(f"f{k} = MatMul (x{k}, w) g{k} = Tanh (f{k}) x{k + 1} = Add (x{k}, g{k})\n" for k in range(30))
        write("a.onnx", f"agraph (float[4, 8] x0) => (float[4, 8] x30) <float[8, 8] w> {{ {blocks} }}")
        assert "... 6 more; --verbose shows all" in run("run", "a.onnx", "--fail-on", "never").out
        assert "more;" not in run("run", "a.onnx", "--fail-on", "never", "--verbose").out


class TestAgreement:
    def test_elementwise_on_request(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        np.savez(here / "in.npz", x=np.array([1000, 0.001], np.float32))
        np.savez(here / "out.npz", y=np.array([1000, 0.0011], np.float32))
        arguments = ("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz", "--format", "json")
        assert run(*arguments).json["findings"] == []  # of the largest value it is next to nothing
        ran = run(*arguments, "--rtol", "0.01")
        assert ran.status == 1
        (finding,) = ran.json["findings"]
        assert "1 of 2 elements exceed an absolute tolerance of 0 and a relative one of 0.01" in str(finding["message"])
        assert run(*arguments, "--rtol", "0.01", "--atol", "0.001").status == 0

    def test_tolerance_of_the_configuration(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        np.savez(here / "in.npz", x=np.ones(2, np.float32))
        np.savez(here / "out.npz", y=np.array([1, 1.01], np.float32))
        arguments = ("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz")
        assert run(*arguments).status == 1
        (here / "reslint.toml").write_text("tolerance = {float32 = 0.1}")
        assert run(*arguments).status == 0
        (here / "reslint.toml").write_text("tolerance = {float33 = 0.1}")
        ran = run(*arguments)
        assert ran.status == 2
        assert "unknown key 'tolerance.float33'" in ran.err

    def test_the_coarsest_type_counts(self) -> None:
        assert Tolerances().of("float32") == 1e-4
        assert Tolerances(least="float16").of("float32") == 5e-3
        assert Tolerances({"float32": 0.5}).of("float32") == 0.5
        assert Tolerances().of("int64") == 0
        assert EXACT.of("float32") == 0
        model = onnx.load(FIXTURES / "resnet18_qdq.onnx", load_external_data=False)
        assert coarseness(model) == "quantized"
        assert coarseness(onnx.load(FIXTURES / "bert_small_fp16.onnx", load_external_data=False)) == "float16"
        assert Tolerances().at_least("quantized").at_least("float16").of("float32") == 0.15

    def test_zeros_are_said(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        np.savez(here / "in.npz", x=-np.ones(2, np.float32))
        for name, value, says in (("same", 0.0, "equal, both all zeros"), ("apart", -1.0, "DIFFERS")):
            np.savez(here / f"{name}.npz", y=np.full(2, value, np.float32))
            out = run("run", "a.onnx", "--inputs", "in.npz", "--against", f"{name}.npz", "--fail-on", "never").out
            assert says in next(line for line in out.splitlines() if "y, the saved outputs" in line)
        assert difference("y", np.ones(2), np.zeros(2)).relative is None

    @pytest.mark.parametrize(("last", "agrees"), [("Sigmoid", True), ("Exp", False)])
    def test_the_last_bits_of_one_count_for_nothing_behind_a_sigmoid(
        self, write: Write, last: str, agrees: bool
    ) -> None:
        made = f"s = {last} (x) shape = Constant <value = int64[1] {{4}}> () y = Reshape (s, shape)"
        graph = f"agraph (float[1, 4] x) => (float[4] y) {{ {made} }}"
        net = read(write("a.onnx", graph))
        got, wanted = ({"y": np.full(4, value, np.float32)} for value in (9e-8, 4e-7))
        (found,) = differences(got, wanted, Tolerances(), squashed(net))
        assert found.agrees is agrees
        (far,) = differences({"y": np.full(4, 1e-4, np.float32)}, wanted, Tolerances(), squashed(net))
        assert not far.agrees
        (exact,) = differences(got, wanted, EXACT, squashed(net))
        assert not exact.agrees

    def test_a_random_op_and_the_block_that_holds_it(self, here: Path) -> None:
        graph = STACK.replace("k = Relu (h)", "e = Relu (h) n = RandomNormalLike (e) k = Add (e, n)")
        onnx.save(parsed(graph), here / "a.onnx")
        subjects = ran(here / "a.onnx")
        (repeated,) = compared(subjects, Repeated)
        assert repeated.parts is not None
        assert (repeated.parts.merge.id, repeated.before) == ("b", 1)
        assert not compared(subjects, Optimized)  # what differs may be chance

    def test_parts_behind_the_last_block(self, run: Run, write: Write, here: Path) -> None:
        head = STACK.replace("(float[4, 8] y)", "(float[4, 8] z)").replace("v>", "v, float[8, 8] o>")
        path = write("old.onnx", head.replace("m)\n}", "m)\n z = MatMul (y, o) }"))
        model = onnx.load(path)
        planted(model, "o", np.ones((8, 8), np.float32))
        onnx.save(model, here / "new.onnx")
        ran = run("run", "new.onnx", "--against", "old.onnx")
        assert ran.status == 1
        assert "parts  after the last of 3 blocks, whose streams agree" in ran.out

    def test_blocks_by_name_where_their_number_differs(self, run: Run, write: Write, here: Path) -> None:
        shorter = STACK.replace("(float[4, 8] y)", "(float[4, 8] b)")
        shorter = shorter.replace("l = MatMul (b, w) m = Relu (l) y = Add (b, m)", "")
        model = onnx.load(write("old.onnx", STACK.replace("(float[4, 8] y)", "(float[4, 8] y, float[4, 8] b)")))
        onnx.save(parsed(shorter), here / "new.onnx")
        new = onnx.load(here / "new.onnx")
        for tensor in model.graph.initializer:
            planted(new, tensor.name, numpy_helper.to_array(tensor) * (2 if tensor.name == "v" else 1))
        onnx.save(new, here / "new.onnx")
        (finding,) = run("run", "new.onnx", "--against", "old.onnx", "--format", "json").json["findings"]
        assert isinstance(finding["evidence"], dict)
        assert (finding["evidence"]["parts_at"], finding["evidence"]["blocks_before"]) == ("b", 1)


class TestHalf:
    def test_conversion_is_compared(self, write: Write) -> None:
        (found,) = compared(ran(write("a.onnx", STACK), Wanted(precision="float16")), Narrowed)
        (d,) = found.differences
        assert found.against == "float32, converted to float16"
        assert d.agrees
        assert d.relative is not None
        assert 1e-6 < d.relative < 5e-3  # it was rounded, and not by more than half precision does

    def test_a_conversion_that_differs_and_where(self, here: Path) -> None:
        """A factor of 1e-8 is none of half precision's numbers; the nearest that is not zero is six times as large."""
        graph = STACK.replace("k = Relu (h)", "i = Relu (h) j = Mul (i, c) k = Mul (j, d)").replace(
            "v>", "v, float c = {1e-8}, float d = {100000000.0}>"
        )
        onnx.save(parsed(graph), here / "a.onnx")
        (found,) = compared(ran(here / "a.onnx", Wanted(precision="float16")), Narrowed)
        assert not found.agrees
        assert found.parts is not None
        assert (found.parts.merge.id, found.before) == ("b", 1)

    @pytest.mark.parametrize("kind", ["float16", "float"])
    def test_an_overflow_inside_a_branch_is_found_by_rounding(self, here: Path, kind: str) -> None:
        """No tap sees it: the branch is small again at its end. In float32 nothing is infinite, a CPU in half would pass."""
        graph = f"""
        agraph ({kind}[4, 8] x) => ({kind}[4, 8] y) <{kind}[8, 8] w, {kind} b, {kind} s>
        {{ f = MatMul (x, w) g = Mul (f, b) h = Mul (g, b) k = Mul (h, s) l = Mul (k, s) y = Add (x, l) }}
        """
        model = parsed(graph)
        planted(model, "b", np.array(1000, np.float32))
        planted(model, "s", np.array(0.001, np.float32))
        onnx.save(model, here / "a.onnx")
        found = signal(ran(here / "a.onnx", Wanted(precision="float16")))
        assert not [d for d in half_overflow(found, Settings()) if "branch" in d.message or "stream" in d.message]
        found = signal(ran(here / "a.onnx", Wanted(precision="float16", rounded=True)))
        assert found.overflow is not None
        assert (found.overflow.op.id, found.overflow.harms) == ("h", True)
        (draft,) = half_overflow(found, Settings())
        assert draft.message.startswith("Mul h gives ")
        assert "the first overflow when every op is rounded to float16" in draft.message

    def test_a_mask_does_no_harm(self, here: Path) -> None:
        graph = """agraph (float16[4, 8] x) => (float16[4, 8] y) <float16[8] m, float16 b>
        { n = Mul (m, b) a = Add (x, n) c = Add (a, n) p = Softmax (c) y = Add (x, p) }"""
        model = parsed(graph)
        planted(model, "m", np.array([0, 0, 0, 0, 0, 0, 0, -60000], np.float32))
        planted(model, "b", np.array(1, np.float32))
        onnx.save(model, here / "a.onnx")
        found = signal(ran(here / "a.onnx", Wanted(precision="float16", rounded=True)))
        assert found.overflow is not None
        assert (found.overflow.op.id, found.overflow.harms) == ("c", False)

    def test_bfloat16_is_had_by_rounding(self, run: Run, write: Write) -> None:
        path = write("a.onnx", STACK)
        assert "rounded to bfloat16 after every op" in run("run", "a.onnx", "--as", "bfloat16").out
        (found,) = compared(ran(path, Wanted(precision="bfloat16", rounded=True)), Narrowed)
        (d,) = found.differences
        assert d.relative is not None
        assert 1e-4 < d.relative < 4e-2

    def test_what_the_reference_evaluator_lacks(self, here: Path, run: Run) -> None:
        graph = "agraph (float[2, 8] x) => (float[2, 8] y) { y = com.microsoft.QuickGelu (x) }"
        model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17, "com.microsoft": 1]>{graph}')
        onnx.save(model, here / "a.onnx")
        ran_ = run("run", "a.onnx", "--round")
        assert ran_.status == 2
        assert "QuickGelu" in ran_.err
        assert len(ran_.err.splitlines()) == 1


class TestProofs:
    DEEP = "agraph (float[4, 64] x0) => (float[4, 64] x8) <{weights}> {{ {blocks} }}"

    def stack(self, here: Path, gain: float) -> Path:
        weights = ", ".join(f"float[64, 64] w{k}, float[64, 64] v{k}" for k in range(8))
        blocks = "".join(
            f"f{k} = MatMul (x{k}, w{k}) g{k} = Relu (f{k}) h{k} = MatMul (g{k}, v{k}) x{k + 1} = Add (x{k}, h{k})\n"
            for k in range(8)
        )
        model = parsed(self.DEEP.format(weights=weights, blocks=blocks))
        for tensor in model.graph.initializer:
            planted(model, tensor.name, numpy_helper.to_array(tensor) * gain)
        onnx.save(model, here / "a.onnx")
        return here / "a.onnx"

    @pytest.mark.parametrize(("gain", "severity", "word"), [(1.5, "warning", "confirmed"), (0.1, "note", "refuted")])
    def test_missing_normalization(self, run: Run, here: Path, gain: float, severity: str, word: str) -> None:
        self.stack(here, gain)
        found = run("run", "a.onnx", "--select", "missing-normalization", "--format", "json").json["findings"]
        (finding,) = found
        assert finding["severity"] == severity
        assert finding["confidence"] == "proven"
        assert isinstance(finding["evidence"], dict)
        assert finding["evidence"]["run"] == word
        assert f"{word} by running: the mean square of the stream grows" in str(finding["message"])
        (static,) = run("check", "a.onnx", "--select", "missing-normalization", "--format", "json").json["findings"]
        assert static["confidence"] == "likely"
        assert static["fingerprint"] == finding["fingerprint"]

    def test_dead_branch_and_broadcast(self, run: Run, write: Write) -> None:
        write(
            "dead.onnx",
            """agraph (float[4, 8] x) => (float[4, 8] y) <float[8, 8] w, float[8] z = {0,0,0,0,0,0,0,0}>
            { f = MatMul (x, w) g = Mul (f, z) y = Add (x, g) }""",
        )
        write(
            "wide.onnx",
            """agraph (float[1, 8, 4, 4] x) => (float[1, 8, 4, 4] y) <float[8, 8, 3, 3] w, float[8, 8, 1, 4] v>
            { f = Conv <pads = [1, 1, 1, 1]> (x, w) g = Relu (f) h = Conv (g, v) y = Add (x, h) }""",
        )
        found = run("run", "dead.onnx", "wide.onnx", "--select", "shortcut", "--format", "json").json["findings"]
        assert [(f["path"], f["rule"]) for f in found] == [
            ("dead.onnx", "dead-branch"),
            ("wide.onnx", "shortcut-broadcast"),
        ]
        assert "confirmed by running: the branch was zero for all inputs" in str(found[0]["message"])
        assert "confirmed by running: the merge added [1, 8, 4, 4] and [1, 8, 4, 1]" in str(found[1]["message"])

    def test_made_up_weights_prove_nothing(self, run: Run, here: Path) -> None:
        path = self.stack(here, 0.1)
        onnx.save(onnx.load(path), here / "b.onnx", save_as_external_data=True, location="b.data", size_threshold=0)
        (here / "b.data").unlink()
        ran = run("run", "b.onnx", "--fill", "--select", "missing-normalization", "--format", "json")
        (finding,) = ran.json["findings"]
        assert finding["confidence"] == "likely"
        assert "the values of 16 missing weights are generated (--fill)" in ran.err

    def test_what_is_measured_with_made_up_weights_is_no_proof(self, run: Run, write: Write, here: Path) -> None:
        graph = """agraph (float[4, 8] x) => (float[4, 8] y) <float[8, 8] w, float[8] z = {0,0,0,0,0,0,0,0}>
        { f = MatMul (x, w) g = Mul (f, z) y = Add (x, g) }"""
        model = onnx.load(write("a.onnx", graph))
        onnx.save(model, here / "b.onnx", save_as_external_data=True, location="b.data", size_threshold=100)
        (here / "b.data").unlink()
        for name, options, sure in (("a.onnx", (), "proven"), ("b.onnx", ("--fill",), "likely")):
            ran = run("run", name, *options, "--select", "idle-branch", "--format", "json")
            assert [f["confidence"] for f in ran.json["findings"]] == [sure]


class TestSensitivity:
    """A chain in which each block multiplies its stream by 1 + c, or by c without its shortcut: all is known."""

    BLOCKS, C = 4, 0.5

    def chain(self, here: Path, kind: str = "float") -> Path:
        blocks = "".join(f"f{k} = MatMul (x{k}, w) x{k + 1} = Add (f{k}, x{k})\n" for k in range(self.BLOCKS))
        model = parsed(f"agraph ({kind}[4, 8] x0) => ({kind}[4, 8] x{self.BLOCKS}) <{kind}[8, 8] w> {{ {blocks} }}")
        planted(model, "w", np.eye(8, dtype=np.float32) * self.C)
        onnx.save(model, here / "a.onnx")
        return here / "a.onnx"

    @pytest.mark.parametrize("kind", ["float", "float16"])
    def test_against_the_exact_derivative(self, here: Path, kind: str) -> None:
        (found,) = (
            s for s in ran(self.chain(here, kind), Wanted(ablate=True, sensitivity=True)) if isinstance(s, Sensitivity)
        )
        assert found.untouched == 0
        near = partial(pytest.approx, rel=1e-3)
        for at, felt in enumerate(found.felt):
            after = self.BLOCKS - 1 - at
            assert felt.gain == near(1)
            assert felt.gradient == near((1 + self.C) ** after)
            assert felt.cut_gain == near(1)
            assert felt.cut_gradient == near(self.C**after)
            assert felt.alone == near(1 / (1 + self.C))

    def test_table_and_json(self, run: Run, here: Path) -> None:
        self.chain(here)
        out = run("run", "a.onnx", "--ablate").out
        assert "  sensitivity of the outputs to a small change of each stream, 4 directions, seed 0" in out.splitlines()
        (row,) = json.loads(run("run", "a.onnx", "--sensitivity", "--format", "json").out)["measurements"]
        assert [felt["gradient"] for felt in row["sensitivity"]] == pytest.approx([3.375, 2.25, 1.5, 1], rel=1e-3)
        assert {felt["shortcuts_cut"] for felt in row["sensitivity"]} == {None}

    def test_a_stream_that_can_not_be_reached_is_told(self, run: Run) -> None:
        ran_ = run("run", str(FIXTURES / "resnet18_qoperator.onnx"), "--fill", "--sensitivity")
        assert ran_.status == 0
        assert "8 blocks not perturbed" in ran_.out


class TestFill:
    def test_what_was_noted_is_kept(self) -> None:
        net = read(FIXTURES / "resnet18.onnx")
        model = onnx.load(FIXTURES / "resnet18.onnx", load_external_data=False)
        tensor = max(
            (t for t in model.graph.initializer if t.data_type == 1 and t.metadata_props),
            key=lambda t: math.prod(t.dims),
        )
        noted = {p.key: float(p.value) for p in tensor.metadata_props}
        values = filled(net, tensor, 0)
        assert values.shape == tuple(tensor.dims)
        assert values.std() == pytest.approx(noted["std"], rel=0.01)
        assert (values == filled(net, tensor, 0)).all()
        assert not (values == filled(net, tensor, 1)).all()

    def test_a_fresh_model_where_nothing_is_noted(self, run: Run, write: Write, here: Path) -> None:
        graph = """agraph (float[4, 64] x) => (float[4, 64] y) <float[64, 64] w, float[64] s, float[64] b>
        { n = LayerNormalization (x, s, b) f = MatMul (n, w) y = Add (x, f) }"""
        onnx.save(parsed(graph), here / "a.onnx", save_as_external_data=True, location="a.data", size_threshold=0)
        (here / "a.data").unlink()
        ran_ = run("run", "a.onnx")
        assert ran_.status == 2
        assert "--fill" in ran_.err
        (tap,) = signal(ran(here / "a.onnx", Wanted(fill=0))).taps
        assert tap.branch.rms == pytest.approx(1, rel=0.2)

    def test_indices_stay_inside_their_table(self) -> None:
        """Windowed attention looks its positions up: one index too far, and nothing runs."""
        table = np.arange(169)
        tensor = TensorProto(name="places", dims=[64, 49], data_type=TensorProto.INT64)
        for key, value in (("mean", table.mean()), ("std", table.std())):
            tensor.metadata_props.add(key=key, value=f"{value:.3g}")
        values = filled(read(FIXTURES / "swin_t.onnx"), tensor, 0)
        assert values.min() >= 0
        assert 160 < values.max() <= 168


class TestWheel:
    """Models and reference data that the onnx wheel ships."""

    DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"

    def test_saved_outputs_of_small_models(self, run: Run) -> None:
        folders = (
            "simple/test_single_relu_model",
            "pytorch-operator/test_operator_conv",
            "pytorch-converted/test_Conv2d",
        )
        for folder in folders:
            there = self.DATA / folder
            ran_ = run("run", str(there / "model.onnx"), "--inputs", str(there / "test_data_set_0"), "--format", "json")
            assert ran_.status == 0, ran_.err
            (row,) = json.loads(ran_.out)["measurements"]
            assert [a["agrees"] for a in row["agreement"] if a["against"] == "the saved outputs"] == [True]

    def test_residual_blocks_of_operator_set_9(self, run: Run) -> None:
        """Reductions, dequantizers and cosines are written in the words of old operator sets, too."""
        ran_ = run("run", str(self.DATA / "light" / "light_resnet50.onnx"), "--format", "json", "--fail-on", "never")
        assert ran_.status == 0, ran_.err
        (row,) = json.loads(ran_.out)["measurements"]
        assert len(row["signal"]) == 16


class TestFixtures:
    """Real architectures on seeded weights: everything that can be measured is, and nothing is found in what is sound."""

    @pytest.mark.parametrize(
        ("name", "options", "blocks"),
        [
            ("bert_small", ("--as", "float16", "--round", "--sensitivity"), 6),
            ("bert_small_fused", ("--as", "float16", "--ablate"), 6),
            (
                "bert_small_int8",
                (
                    "--as",
                    "float16",
                ),
                6,
            ),
            (
                "bert_small_fp16",
                (
                    "--as",
                    "float16",
                ),
                6,
            ),
            ("llama_fp16", ("--round",), 8),
            ("llama_int4", (), 8),
            ("resnet18_qdq", (), 8),
            ("t5", ("--dim", "batch=2"), 10),
            ("gnn", ("--sensitivity",), 16),
        ],
    )
    def test_sound(self, run: Run, name: str, options: tuple[str, ...], blocks: int) -> None:
        model = onnx.load(FIXTURES / f"{name}.onnx", load_external_data=False)
        symbols = {d.dim_param for i in model.graph.input for d in i.type.tensor_type.shape.dim}
        options = tuple(o for o in options if o not in ("--dim", "batch=2")) if "batch" not in symbols else options
        ran_ = run("run", str(FIXTURES / f"{name}.onnx"), "--fill", "--format", "json", *options)
        assert ran_.status == 0, ran_.err
        assert [f for f in ran_.json["findings"] if f["severity"] != "note"] == []
        (row,) = json.loads(ran_.out)["measurements"]
        assert len(row["signal"]) == blocks
        assert all(a["agrees"] for a in row["agreement"])
        assert all(tap["stream"]["variance"] > 0 for tap in row["signal"])

    def test_quantized_sums_are_scaled(self, run: Run) -> None:
        ran_ = run("run", str(FIXTURES / "resnet18_qoperator.onnx"), "--fill", "--format", "json")
        (row,) = json.loads(ran_.out)["measurements"]
        assert len(row["signal"]) == 8
        assert all(0 < tap["stream"]["peak"] < 1e4 for tap in row["signal"])
