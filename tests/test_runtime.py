"""Runs: what is fed, what is measured, what becomes of a run that fails, and the rules on measurements."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SOUND, Run, Write, parsed
from onnx import numpy_helper

from reslint.anatomy import Anatomy, dissect
from reslint.errors import RunFailed
from reslint.finding import Severity
from reslint.measure import Optimized, Placement, Range, Repeated, Signal, Tap
from reslint.net import read
from reslint.net.values import Array
from reslint.rules import Settings
from reslint.rules.optimizer_divergence import optimizer_divergence
from reslint.rules.provider_fallback import provider_fallback
from reslint.rules.signal_decay import signal_decay
from reslint.rules.signal_growth import signal_growth
from reslint.runtime import Limits, Measured, Wanted, measured
from reslint.runtime.agreement.compare import Tolerances, difference, differences
from reslint.runtime.feeds.synthesize import synthesized
from reslint.runtime.launch.process import told
from reslint.runtime.protocol import providers

DYNAMIC = """
agraph (float[batch, 8] x) => (float[batch, 8] y) <float[8, 8] w>
{
    f = MatMul (x, w)
    g = Relu (f)
    y = Add (x, g)
}
"""
EMBEDDED = """
agraph (int64[batch, seq] input_ids, int64[batch, seq] position_ids, int64[batch, seq] attention_mask,
        bool[batch] flag, uint8[batch, 4] pixels) => (float[batch, seq, 8] y)
<float[5, 8] words, float[40, 8] places>
{
    i = Cast <to = 7> (input_ids)
    a = Gather (words, i)
    b = Gather (places, position_ids)
    y = Add (a, b)
}
"""
NAN = """
agraph (float[2, 8] x) => (float[2, 8] y) <float[8] w>
{
    n = Neg (x)
    m = Sqrt (n)
    f = Mul (m, w)
    y = Add (x, f)
}
"""

LAX = Tolerances({"float64": 0.5})


def ready(path: Path) -> Anatomy:
    return dissect(read(path))


def signal(ran: Measured) -> Signal:
    (found,) = (subject for subject in ran.subjects if isinstance(subject, Signal))
    return found


def array(fed: Array | list[Array]) -> Array:
    assert isinstance(fed, np.ndarray)
    return fed


class TestInputs:
    def test_integers_stay_in_what_they_index(self, write: Write) -> None:
        inputs = synthesized(read(write("a.onnx", EMBEDDED)), {}, 0)
        assert len(inputs.feeds) == 2
        for ladder in inputs.feeds:
            feed = {name: array(value) for name, value in ladder[0].items()}
            assert feed["input_ids"].max() == 4
            assert (feed["position_ids"] == np.arange(feed["position_ids"].shape[1])).all()
            assert (feed["attention_mask"][:, :8] == 1).all()  # the second one is padded
            assert feed["flag"].all()
            assert feed["pixels"].max() > 100

    def test_symbols_have_two_sizes_and_none_is_1(self, write: Write) -> None:
        inputs = synthesized(read(write("a.onnx", EMBEDDED)), {}, 0)
        first, second = (array(ladder[0]["input_ids"]).shape for ladder in inputs.feeds)
        assert all(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True))

    def test_given_sizes_are_kept(self, write: Write) -> None:
        inputs = synthesized(read(write("a.onnx", EMBEDDED)), {"batch": 5, "seq": 7}, 0)
        assert [array(ladder[0]["input_ids"]).shape for ladder in inputs.feeds] == [(5, 7)]
        with pytest.raises(RunFailed, match="no symbolic dimension 'sequence'; those of its inputs are: batch, seq"):
            synthesized(read(write("a.onnx", EMBEDDED)), {"sequence": 5}, 0)

    def test_the_seed_decides(self, write: Write) -> None:
        net = read(write("a.onnx"))
        x, same, other = (array(synthesized(net, {}, seed).feeds[0][0]["x"]) for seed in (0, 0, 1))
        assert (x == same).all()
        assert not (x == other).all()

    def test_larger_sizes_are_tried_where_small_ones_do_not_fit(self, write: Write) -> None:
        graph = "agraph (float[n, 1, h, h] x) => (float[n, 1, p, q] y) { y = MaxPool <kernel_shape = [20, 20]> (x) }"
        ran = measured(ready(write("a.onnx", graph)), Wanted())
        assert [array(feed["x"]).shape for feed in ran.feeds] == [(2, 1, 32, 32), (3, 1, 48, 48)]


class TestRun:
    def test_sound(self, run: Run, write: Write) -> None:
        write("a.onnx", DYNAMIC)
        ran = run("run", "a.onnx")
        assert ran.status == 0
        assert ran.out.splitlines()[0] == "a.onnx: ok, 1 residual block (1 identity)"
        fed = [line for line in ran.out.splitlines() if line.startswith("  fed")]
        assert fed == ["  fed x float32 2x8 normal numbers", "  fed x float32 3x8 normal numbers"]

    def test_weights_stay_in_the_file(self, run: Run, here: Path) -> None:
        graph = """agraph (float[2, 64] x) => (float[2, 64] y) <float[64, 64] w>
        { f = MatMul (x, w) g = Relu (f) y = Add (x, g) }"""
        model = parsed(graph)
        (w,) = (numpy_helper.to_array(t) for t in model.graph.initializer)
        onnx.save(model, here / "a.onnx")
        onnx.save(model, here / "b.onnx", save_as_external_data=True, location="b.data", size_threshold=0)
        x = np.ones((2, 64), np.float32)
        np.savez(here / "in.npz", x=x)
        np.savez(here / "out.npz", y=x + np.maximum(x @ w, 0))
        for name in ("a.onnx", "b.onnx"):
            ran = run("run", name, "--inputs", "in.npz", "--against", "out.npz", "--fail-on", "note")
            assert ran.status == 0, ran.out
        (here / "b.data").unlink()
        ran = run("run", "b.onnx")
        assert ran.status == 2
        assert ran.err.splitlines()[-1].startswith("b.onnx: error: can't be run: external data 'b.data' is missing")

    @pytest.mark.parametrize("constant", [False, True])
    def test_half_precision_weights_are_widened(self, here: Path, constant: bool) -> None:
        graph = """agraph (float16[2, 64] x) => (float16[2, 64] y) <float16[64, 64] w>
        { f = MatMul (x, w) g = Relu (f) y = Add (x, g) }"""
        model = parsed(graph)
        if constant:
            weight = model.graph.initializer.pop()
            model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["w"], value=weight))
        onnx.save(model, here / "a.onnx")
        ran = measured(ready(here / "a.onnx"), Wanted())
        found = signal(ran)
        assert found.half
        assert 0 < found.taps[0].branch.peak < 100

    def test_what_was_fed_can_be_fed_again(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        assert run("run", "a.onnx", "--seed", "3", "--store", "fed.npz").status == 0
        assert np.load(here / "fed.npz")["x"].shape == (1, 8, 4, 4)
        assert run("run", "a.onnx", "--inputs", "fed.npz").status == 0

    def test_saved_test_data_is_the_reference(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        (here / "set").mkdir()
        for name, values in (("input_0", [-1, 2]), ("output_0", [1, 2])):
            tensor = numpy_helper.from_array(np.array(values, np.float32))
            (here / "set" / f"{name}.pb").write_bytes(tensor.SerializeToString())
        ran = run("run", "a.onnx", "--inputs", "set", "--format", "json")
        assert ran.status == 1
        (finding,) = ran.json["findings"]
        assert finding["rule"] == "reference-mismatch"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--dim", "batch"), "is not NAME=SIZE"),
            (("--dim", "rows=2"), "no symbolic dimension 'rows'"),
            (("--inputs", "no.npz"), "can't be read as .npz"),
            (("--timeout", "0.1"), "was stopped after 0.1 s"),
            (("--memory", "0.1"), "memory"),
            (("--max-ratio", "1.1"), "needs a model to compare with"),
        ],
    )
    def test_one_line_on_what_fails(self, run: Run, write: Write, arguments: tuple[str, ...], says: str) -> None:
        write("a.onnx", DYNAMIC)
        ran = run("run", "a.onnx", *arguments)
        assert ran.status == 2
        assert says in ran.err
        assert "Traceback" not in ran.err

    def test_a_model_that_runs_at_no_size(self, run: Run, here: Path) -> None:
        graph = """agraph (float[batch, 4] x) => (float[8] y) <float[8] w, int64[1] s = {8}>
        { r = Reshape (x, s) y = Add (r, w) }"""
        onnx.save(parsed(graph), here / "a.onnx")
        ran = run("run", "a.onnx")
        assert ran.status == 2
        assert ran.err.startswith("a.onnx: error: fails at batch=3: the model: ")
        assert len(ran.err.splitlines()) == 1

    def test_a_model_that_does_not_even_load_has_no_size(self, run: Run, write: Write) -> None:
        write("a.onnx", "agraph (float[batch, 4] x) => (float[batch, 4] y) <float[8] w> { y = Add (x, w) }")
        assert run("run", "a.onnx").err.startswith("a.onnx: error: fails: the model: Node ")

    def test_the_next_model_is_run(self, run: Run, write: Write) -> None:
        write("a.onnx", NAN)
        write("b.onnx")
        ran = run("run", "a.onnx", "b.onnx", "--format", "json")
        assert ran.status == 1
        assert [file["status"] for file in ran.json["files"]] == ["checked", "checked"]


class TestAgainst:
    STACK = """
    agraph (float[4, 8] x) => (float[4, 8] y) <float[8, 8] w, float[8, 8] v>
    {
        f = MatMul (x, w) g = Relu (f) a = Add (x, g)
        h = MatMul (a, v) k = Relu (h) b = Add (a, k)
        l = MatMul (b, w) m = Relu (l) y = Add (b, m)
    }
    """

    def test_the_block_at_which_the_streams_part(self, run: Run, write: Write, here: Path) -> None:
        model = onnx.load(write("old.onnx", self.STACK))
        assert run("run", "old.onnx", "--against", "old.onnx", "--fail-on", "note").status == 0
        (v,) = (t for t in model.graph.initializer if t.name == "v")
        v.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(v) * 2, "v"))
        onnx.save(model, here / "new.onnx")
        ran = run("run", "new.onnx", "--against", "old.onnx", "--format", "json")
        assert ran.status == 1
        (finding,) = ran.json["findings"]
        assert isinstance(finding["evidence"], dict)
        assert (finding["rule"], finding["evidence"]["parts_at"]) == ("reference-mismatch", "b")

    def test_a_reference_that_is_none(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("run", "a.onnx", "--against", "old.onnx")
        assert ran.status == 2
        assert ran.err.startswith("a.onnx: error: can't be compared with old.onnx: can't be opened")

    def test_one_finding_over_all_inputs_where_it_is_worst(self, run: Run, write: Write, here: Path) -> None:
        model = onnx.load(write("old.onnx", DYNAMIC))
        (w,) = model.graph.initializer
        w.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(w) + 1, "w"))
        onnx.save(model, here / "new.onnx")
        ran = run("run", "new.onnx", "--against", "old.onnx", "--format", "json")
        rows = json.loads(ran.out)["measurements"][0]["agreement"]
        far = [row["relative"] for row in rows if row["against"] == "old.onnx"]
        (finding,) = ran.json["findings"]
        assert isinstance(finding["evidence"], dict)
        assert len(far) == 2
        assert finding["evidence"]["relative"] == pytest.approx(max(far), rel=1e-4)

    def test_saved_outputs_of_other_names_and_types(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y, float[2] z) { y = Relu (x) z = Neg (x) }")
        np.savez(here / "in.npz", x=np.ones(2, np.float32))
        arguments = ("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz")
        np.savez(here / "out.npz", q=np.ones(2, np.float32))
        ran = run(*arguments)
        assert ran.status == 2
        assert (
            ran.err.splitlines()[-1] == "a.onnx: error: can't be compared: the file holds q, but the model gives y, z"
        )
        np.savez(here / "out.npz", y=np.ones(2) + 1e-7)  # numpy's own type is wider than the model's
        ran = run(*arguments)
        assert ran.status == 0
        assert "a.onnx: note: not compared, since missing from the saved outputs: z" in ran.err
        np.savez(here / "out.npz", y=np.ones(2) + 1e-2, z=-np.ones(2))
        ran = run(*arguments)
        assert ran.status == 1
        assert "not compared" not in ran.err

    def test_strings(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (string[2] x) => (string[2] y) <int64[1] n = {2}> { y = Reshape (x, n) }")
        for last, status in (("a", 0), ("b", 1)):
            np.savez(here / "out.npz", y=np.array(["a", last]))
            ran = run("run", "a.onnx", "--against", "out.npz")
            assert ran.status == status
            assert ("1 of its strings" in ran.out) == bool(status)

    def test_a_part_of_a_sequence(self, run: Run, here: Path) -> None:
        graph = "agraph (float[2] x) => (seq(float[2]) y) { a = Relu (x) y = SequenceConstruct (x, a) }"
        onnx.save(parsed(graph), here / "a.onnx")
        np.savez(here / "in.npz", x=-np.ones(2, np.float32))
        wanted: dict[str, Array] = {"y[0]": -np.ones(2), "y[1]": np.ones(2)}
        np.savez(here / "out.npz", allow_pickle=True, **wanted)
        ran = run("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz", "--format", "json")
        assert [(f["tensor"], str(f["message"])[:15]) for f in ran.json["findings"]] == [("y", "the output y[1]")]

    def test_a_reference_with_other_outputs(self, run: Run, write: Write) -> None:
        write("a.onnx")
        flat = "n = Constant <value_ints = [1, 8, 16]> () z = Reshape (t, n)"
        write(
            "b.onnx",
            SOUND.replace("[1, 8, 4, 4] y)", "[1, 8, 16] z)").replace("y =", "t =").replace("}", f"{flat} }}", 1),
        )
        ran = run("run", "a.onnx", "--against", "b.onnx")
        assert ran.status == 2
        assert "b.onnx has no output of the same name" in ran.err

    def test_a_reference_with_other_inputs(self, run: Run, write: Write) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Neg (x) }")
        write("b.onnx", "agraph (float[3] q) => (float[3] y) { y = Neg (q) }")
        ran = run("run", "a.onnx", "--against", "b.onnx")
        assert ran.status == 2
        assert "can't be compared: b.onnx has the input 'q'; the model's inputs are: x; say which" in ran.err


def test_rules_of_the_other_command_are_no_silence(run: Run, write: Write) -> None:
    write("a.onnx")
    for command, family in (("check", "numerics"), ("run", "cost")):
        ran = run(command, "a.onnx", "--select", family)
        assert ran.status == 2
        assert "reslint" in ran.err


def test_reports_in_several_formats(run: Run, write: Write, here: Path) -> None:
    write("a.onnx")
    reports = ("--report", "sarif=a.sarif", "--report", "junit=a.xml")
    assert run("run", "a.onnx", "--format", "github", *reports).status == 0
    (log,) = json.loads((here / "a.sarif").read_text())["runs"]
    assert "nonfinite-values" in {rule["id"] for rule in log["tool"]["driver"]["rules"]}
    assert 'name="nonfinite-values"' in (here / "a.xml").read_text()


class TestNonfinite:
    def test_the_first_op(self, write: Write) -> None:
        found = signal(measured(ready(write("a.onnx", NAN)), Wanted())).nonfinite
        assert found is not None
        assert (found.op.id, found.what, found.constant) == ("m", "NaN", "")

    def test_the_constant(self, here: Path) -> None:
        model = parsed(SOUND)
        (v,) = (t for t in model.graph.initializer if t.name == "v")
        values = numpy_helper.to_array(v).copy()
        values[0, 0, 0, 0] = math.inf
        v.CopyFrom(numpy_helper.from_array(values, "v"))
        onnx.save(model, here / "a.onnx")
        found = signal(measured(ready(here / "a.onnx"), Wanted())).nonfinite
        assert found is not None
        assert (found.op.id, found.constant) == ("h", "v")


class TestAgreement:
    def test_scale_aware(self) -> None:
        a, b = np.array([1000.0, 0.001], np.float32), np.array([1000.0, 0.0], np.float32)
        found = difference("y", a, b, Tolerances({"float32": 1e-5}))
        assert found.agrees
        assert found.worst == (1,)

    def test_zeros_are_not_divided_by(self) -> None:
        found = difference("y", np.array([1e-3]), np.zeros(1), Tolerances())
        assert found.relative is None
        assert not found.agrees
        assert difference("y", np.zeros(1), np.zeros(1)).agrees

    def test_nan_agrees_with_nan_only(self) -> None:
        nan = np.array([math.nan])
        assert difference("y", nan, nan).agrees
        assert not difference("y", nan, np.ones(1), LAX).agrees
        assert not difference("y", np.ones(1), nan, LAX).agrees

    def test_a_number_that_is_none_has_its_shape(self) -> None:
        nan = difference("y", np.array(math.nan), np.array(1.0))
        assert not nan.agrees
        assert not nan.reshaped
        assert difference("y", np.ones(2), np.ones(3)).reshaped

    def test_shapes_that_differ(self) -> None:
        assert not difference("y", np.ones(2), np.ones(3), LAX).agrees

    def test_integers_must_be_equal(self) -> None:
        (found,) = differences({"y": np.array([1, 2])}, {"y": np.array([1, 3])}, LAX)
        assert not found.agrees

    def test_the_rule_looks_at_its_own_comparison(self, write: Write) -> None:
        anatomy = ready(write("a.onnx"))
        worse = (difference("y", np.ones(2), np.zeros(2) + 2),)
        assert not list(optimizer_divergence(Repeated(anatomy, "", worse), Settings()))
        (draft,) = optimizer_divergence(Optimized(anatomy, "", worse), Settings())
        assert draft.op.id == "y"
        assert "0.5 of its largest value" in draft.message


def test_messages_lose_their_prefix() -> None:
    error = "the model: [ONNXRuntimeError] : 1 : FAIL : Non-zero status\n code"
    assert told(error) == "the model: Non-zero status code"
    there = "/onnxruntime_src/onnxruntime/core/cpu/math.h:256 onnxruntime::Div<T>::Div(const Info&) [with T = int] "
    assert told(f"the model: [ONNXRuntimeError] : 6 : FAIL : Name:'a' {there}b was false. By zero") == (
        "the model: Name:'a' b was false. By zero"
    )


def test_limits_are_kept(write: Write) -> None:
    endless = """agraph (float[2] x) => (float[2] y) <int64 n = {9223372036854775807}, bool go = {1}>
    {
        y = Loop (n, go, x) <body = inner (int64 i, bool c, float[2] a) => (bool d, float[2] b)
        { d = Identity (c) b = Neg (a) }>
    }"""
    with pytest.raises(RunFailed, match="was stopped after 3 s"):
        measured(ready(write("a.onnx", endless)), Wanted(limits=Limits(3)))


def test_severity_follows_the_distance(run: Run, write: Write, here: Path) -> None:
    write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
    np.savez(here / "in.npz", x=np.ones(2, np.float32))
    for off, severity in ((1e-2, Severity.ERROR), (5e-4, Severity.WARNING)):
        np.savez(here / "out.npz", y=np.array([1, 1 + off], np.float32))
        ran = run("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz", "--format", "json")
        assert [f["severity"] for f in ran.json["findings"]] == [str(severity)]
    (here / "reslint.toml").write_text("tolerance = {float32 = 0.1}")
    np.savez(here / "out.npz", y=np.array([1, 1.3], np.float32))
    ran = run("run", "a.onnx", "--inputs", "in.npz", "--against", "out.npz", "--format", "json")
    assert [f["severity"] for f in ran.json["findings"]] == ["error"]  # 0.23 of the largest is wrong in any type


@pytest.mark.parametrize(
    ("squares", "severity"),
    [
        ((0.35, 2, 4, 6, 8, 10, 12, 15), []),
        ((1, 2, 4, 8, 16, 32), ["warning"]),
        ((1, 1.1, 1, 1.2, 500, 510, 520, 540, 530), []),
        ((1,) * 9 + tuple(2**k for k in range(9)), ["warning"]),
    ],
)
def test_growth_that_is_linear_is_none(write: Write, squares: tuple[float, ...], severity: list[str]) -> None:
    anatomy = ready(write("a.onnx"))
    one = Range(1.0, 1.0)
    taps = tuple(Tap(anatomy.blocks[0], one, one, Range(1.0, float(square))) for square in squares)
    found = [str(draft.severity) for draft in signal_growth(Signal(anatomy, taps), Settings())]
    assert found == severity
    made_up = [str(draft.severity) for draft in signal_growth(Signal(anatomy, taps, made_up=True), Settings())]
    assert made_up == ["note"] * len(severity)  # folded normalizations kept the growth of trained weights down


def test_decay_is_the_mirror_of_growth(write: Write) -> None:
    anatomy = ready(write("a.onnx"))
    one = Range(1.0, 1.0)
    for squares, severity in (((1, 0.5, 0.25, 0.125, 0.06, 0.03), ["warning"]), ((1, 0.9, 0.8, 0.7, 0.6, 0.5), [])):
        taps = tuple(Tap(anatomy.blocks[0], one, one, Range(1.0, square)) for square in squares)
        assert [str(d.severity) for d in signal_decay(Signal(anatomy, taps), Settings())] == severity
        assert not list(signal_growth(Signal(anatomy, taps), Settings()))


class TestProviders:
    def test_one_that_is_absent_is_an_error(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.runtime.protocol.providers._installed", lambda package: package == "onnxruntime")
        write("a.onnx")
        for name in ("cuda", "tensorrt"):
            ran = run("run", "a.onnx", "--provider", name)
            assert ran.status == 2
            assert f"needs onnxruntime-gpu for --provider {name}" in ran.err
            assert "pip install 'reslint[gpu]'" in ran.err

    @pytest.mark.parametrize(("there", "says"), [(True, "are both installed"), (False, "not installed")])
    def test_both_packages_or_none(
        self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch, there: bool, says: str
    ) -> None:
        monkeypatch.setattr(
            "reslint.runtime.protocol.providers._installed",
            lambda package: there and package in ("onnxruntime", "onnxruntime-gpu"),
        )
        monkeypatch.setattr("reslint.runtime.protocol.providers.find_spec", lambda name: None)
        write("a.onnx")
        ran = run("run", "a.onnx", *(("--provider", "coreml") if there else ()))
        assert ran.status == 2
        assert says in ran.err
        assert "pip install 'reslint[cpu]'" in ran.err

    def test_a_provider_that_the_runtime_lacks(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "reslint.runtime.protocol.providers._installed", lambda package: package == "onnxruntime-gpu"
        )
        monkeypatch.setitem(vars(providers)["NAMES"], "cuda", "MadeUpExecutionProvider")
        write("a.onnx")
        ran = run("run", "a.onnx", "--provider", "cuda")
        assert ran.status == 2
        assert "MadeUpExecutionProvider" in ran.err
        assert len(ran.err.splitlines()) == 1

    def test_nodes_elsewhere(self, write: Write) -> None:
        anatomy = ready(write("a.onnx"))
        (op,) = (op for op in anatomy.net.ops if op.type == "Relu")
        (draft,) = provider_fallback(Placement(anatomy, "cuda", ((op, "CPUExecutionProvider"),)), Settings())
        assert draft.message == "1 nodes run on CPUExecutionProvider instead of cuda: Relu"
        assert not list(provider_fallback(Placement(anatomy, "cuda", ()), Settings()))
