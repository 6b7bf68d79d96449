"""Mending: what is mended computes what inference computes, weights stay as they are, and what can't be fixed says why."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SOUND, Ran, Run, Write
from onnx import ModelProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from pages import FOLDER, examples, weigh

from reslint.writing import take_over

HEADER = '<ir_version: 8, opset_import: ["": 17]>'
NORMED = """
agraph (float[2, 8, 4, 4] x) => (float[2, 8, 4, 4] y)
<float[8, 8, 3, 3] w, float[8] s, float[8] b, float[8] mean, float[8] variance, float[8, 8, 3, 3] k>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    n, m, v = BatchNormalization <training_mode = 1> (f, s, b, mean, variance)
    g = Conv <pads = [1, 1, 1, 1]> (n, k)
    y = Add (x, g)
}
"""
MASKED = """
agraph (float[2, 4, 8] x) => (float[2, 4, 8] y)
<float[8, 16] w, float[16, 8] v, float keep = {0.8}, float half = {0.5}, float zero = {0}, float[2, 1, 1] p = {0.8, 0.8}>
{ f = MatMul (x, w)  g = Relu (f)  h = MatMul (g, v) %s y = Add (x, d) }
"""
UNIFORM = "r = RandomUniform <shape = [2, 1, 1]> ()"
MASKS = {
    "floor": f"{UNIFORM} a = Add (r, keep) m = Floor (a) c = Div (h, keep) d = Mul (c, m)",
    "bernoulli": "m = Bernoulli (p) c = Div (m, keep) d = Mul (h, c)",
    "less": f"{UNIFORM} l = Less (r, keep) m = Cast <to = 1> (l) c = Mul (m, h) d = Div (c, keep)",
    "greater": f"{UNIFORM} l = Greater (keep, r) c = Div (h, keep) d = Where (l, c, zero)",
    "not": f"{UNIFORM} l = Greater (r, keep) n = Not (l) m = Cast <to = 1> (n) c = Div (m, keep) d = Mul (h, c)",
}
UNBALANCED = {
    "unscaled": f"{UNIFORM} a = Add (r, keep) m = Floor (a) d = Mul (h, m)",
    "otherwise": f"{UNIFORM} a = Add (r, keep) m = Floor (a) c = Div (h, half) d = Mul (c, m)",
}


def model(graph: str, header: str = HEADER) -> ModelProto:
    parsed = onnx.parser.parse_model(header + graph)
    weigh(parsed.graph)
    onnx.checker.check_model(parsed)
    return parsed


def save(graph: str, header: str = HEADER) -> ModelProto:
    found = model(graph, header)
    onnx.save(found, "a.onnx")
    return found


def evaluated(found: ModelProto) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    shape = [d.dim_value for d in found.graph.input[0].type.tensor_type.shape.dim]
    fed = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    outputs = ReferenceEvaluator(found).run(None, {"x": fed})
    return np.asarray(outputs[0])  # type: ignore[index]


def stamp(file: str) -> tuple[int, int, int]:
    """What changes when a file is written or replaced; reading it changes when it was last read."""
    found = os.stat(file)
    return found.st_ino, found.st_size, found.st_mtime_ns


def fix(run: Run, *more: str) -> Ran:
    return run("check", "--fix", "--select", "training-mode-op", *more, "a.onnx")


class TestMended:
    def test_batch_normalization(self, run: Run, here: Path) -> None:
        save(NORMED)
        ran = fix(run)
        assert ran.status == 0
        assert "a.onnx: note: fixed: training-mode-op at n, 1 node" in ran.err
        inference = NORMED.replace("n, m, v =", "n =").replace("<training_mode = 1>", "")
        assert onnx.load("a.onnx") == model(inference)

    def test_before_there_was_a_switch(self, run: Run, here: Path) -> None:
        header = '<ir_version: 7, opset_import: ["": 11]>'
        graph = NORMED.replace("n, m, v =", "n, m, v, sm, sv =").replace("training_mode = 1", "momentum = 0.5")
        save(graph, header)
        assert fix(run).status == 0
        assert onnx.load("a.onnx") == model(graph.replace("n, m, v, sm, sv =", "n ="), header)

    def test_dropout(self, run: Run, here: Path) -> None:
        graph = MASKED.replace("zero = {0}", "zero = {0}, bool on = {1}")
        save(graph % "d = Dropout (h, half, on)")
        assert fix(run).status == 0
        expected = evaluated(model(graph % "d = Identity (h)"))
        np.testing.assert_array_equal(evaluated(onnx.load("a.onnx")), expected)

    @pytest.mark.parametrize("mask", MASKS)
    def test_mask(self, run: Run, here: Path, mask: str) -> None:
        save(MASKED % MASKS[mask])
        ran = fix(run)
        assert ran.status == 0, ran.err
        mended = onnx.load("a.onnx")
        np.testing.assert_array_equal(evaluated(mended), evaluated(model(MASKED % "d = Identity (h)")))
        assert {node.op_type for node in mended.graph.node} == {"MatMul", "Relu", "Identity", "Add"}

    def test_in_a_body(self, run: Run, here: Path) -> None:
        """Beside weights of the body that are too large to be held in memory."""
        body = "{ m = Mul (h, big) e = Dropout (m, half, on) }"
        graph = MASKED.replace("zero = {0}", "zero = {0}, bool on = {1}").replace("] x)", "] x, bool c)")
        other = "{ i = Identity (h) }"
        shape = "float[2, 4, 8]"
        branch = f"d = If (c) <then_branch = a () => ({shape} e) {body}, else_branch = b () => ({shape} i) {other}>"
        found = onnx.parser.parse_model(HEADER + graph % branch)
        weigh(found.graph)
        inner = next(a.g for node in found.graph.node for a in node.attribute if a.name == "then_branch")
        inner.initializer.append(numpy_helper.from_array(np.ones((1, 4, 8), np.float32), "big"))
        inner.initializer.append(numpy_helper.from_array(np.ones(4096, np.float32), "larger"))
        onnx.save(found, "a.onnx")
        ran = fix(run)
        assert ran.status == 0, ran.err
        mended = onnx.load("a.onnx")
        (switch,) = (node for node in mended.graph.node if node.op_type == "If")
        after = {a.name: a.g for a in switch.attribute}["then_branch"]
        assert list(after.node[1].input) == ["m", "half"]
        assert list(after.initializer) == list(inner.initializer)
        assert len(mended.graph.node) == len(found.graph.node)

    def test_pages(self, run: Run, here: Path) -> None:
        """What the page of the rule shows as failing passes afterwards, and nothing else begins to fail."""
        for example in examples(FOLDER / "training-mode-op.md"):
            onnx.save(example.model(), "a.onnx")
            before = run("check", "--format", "json", "a.onnx").json["findings"]
            after = run("check", "--fix", "--format", "json", "a.onnx").json["findings"]
            assert after == [finding for finding in before if finding["rule"] != "training-mode-op"]


class TestFile:
    def test_weights_are_copied_to_the_byte(self, run: Run, here: Path) -> None:
        found = model(NORMED)
        big = np.random.default_rng(0).normal(size=(64, 1024)).astype(np.float32)
        found.graph.initializer.append(numpy_helper.from_array(big, "big"))
        floats = onnx.TensorProto(name="floats", dims=[2048], data_type=1, float_data=[0.5] * 2048)
        found.graph.initializer.append(floats)
        found.metadata_props.add(key="who", value="me")
        onnx.save(found, "a.onnx")
        os.chmod("a.onnx", 0o640)
        before = Path("a.onnx").read_bytes()
        assert fix(run).status == 0
        after = onnx.load("a.onnx")
        assert list(after.graph.initializer) == list(found.graph.initializer)
        assert (after.metadata_props, after.opset_import) == (found.metadata_props, found.opset_import)
        assert len(before) - 60 < Path("a.onnx").stat().st_size < len(before)
        assert Path("a.onnx").stat().st_mode & 0o777 == 0o640
        assert os.listdir() == ["a.onnx"]

    def test_external_data_is_left_alone(self, run: Run, here: Path) -> None:
        onnx.save(model(NORMED), "a.onnx", save_as_external_data=True, location="a.data", size_threshold=0)
        before, weights = stamp("a.data"), onnx.load("a.onnx", load_external_data=False).graph.initializer
        assert fix(run).status == 0
        assert stamp("a.data") == before
        assert onnx.load("a.onnx", load_external_data=False).graph.initializer == weights
        assert weights[0].external_data

    def test_whole_or_not_at_all(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        save(NORMED)
        before = Path("a.onnx").read_bytes()

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("reslint.mend.os.replace", full)
        ran = run("check", "--fix", "--no-cache", "a.onnx")
        assert ran.status == 2
        assert "a.onnx: error: can't be written: No space left on device; the file is unchanged" in ran.err
        assert "training-mode-op" in ran.out
        assert Path("a.onnx").read_bytes() == before
        assert os.listdir() == ["a.onnx"]

    def test_changed_by_someone_else(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        save(NORMED)

        def meanwhile(source: Path, target: str) -> None:
            take_over(source, target)
            Path("a.onnx").write_bytes(b"theirs")

        monkeypatch.setattr("reslint.mend.take_over", meanwhile)
        ran = fix(run)
        assert ran.status == 2
        assert "was changed by someone else in the meantime" in ran.err
        assert Path("a.onnx").read_bytes() == b"theirs"


REFUSED = {
    "its running statistics are the initial ones (0 and 1): it has never been trained": NORMED.replace(
        "float[8] mean, float[8] variance",
        "float[8] mean = {0, 0, 0, 0, 0, 0, 0, 0}, float[8] variance = {1, 1, 1, 1, 1, 1, 1, 1}",
    ),
    "its statistics are computed from the batch, and the file holds no running statistics": NORMED.replace(
        ", float[8] mean, float[8] variance", ""
    ).replace("n, m, v", "mean = ReduceMean <axes = [0, 2, 3], keepdims = 0> (f) variance = Exp (mean) n, m, v"),
    "m, a batch statistic, is used elsewhere": NORMED.replace(
        "float[2, 8, 4, 4] y)", "float[2, 8, 4, 4] y, float[8] m)"
    ),
    "its mean is 0.8, and nothing around it compensates for that": MASKED % UNBALANCED["unscaled"],
    "its mean is 0.8, and nothing around it compensates for that ": MASKED % UNBALANCED["otherwise"],
}


class TestRefused:
    @pytest.mark.parametrize("why", REFUSED)
    def test_left_as_it_was(self, run: Run, here: Path, why: str) -> None:
        save(REFUSED[why])
        before = Path("a.onnx").read_bytes()
        ran = fix(run)
        assert ran.status == 1
        assert f"can't be fixed: {why.strip()}\n" in ran.err
        assert Path("a.onnx").read_bytes() == before

    def test_statistics_that_are_not_there(self, run: Run, here: Path) -> None:
        onnx.save(model(NORMED), "a.onnx", save_as_external_data=True, location="a.data", size_threshold=0)
        os.unlink("a.data")
        assert "can't be fixed: its running statistics can't be read" in fix(run).err

    def test_part_is_mended(self, run: Run, here: Path) -> None:
        graph = NORMED.replace(
            "g = Conv", "o, q, u = BatchNormalization <training_mode = 1> (n, s, b, mean, variance) g = Conv"
        )
        save(graph.replace("(n, k)", "(o, k)").replace("float[2, 8, 4, 4] y)", "float[2, 8, 4, 4] y, float[8] q)"))
        ran = fix(run)
        assert ran.status == 1
        assert "fixed: training-mode-op at n, 1 node" in ran.err
        assert "q, a batch statistic, is used elsewhere" in ran.err
        assert [len(n.output) for n in onnx.load("a.onnx").graph.node if n.op_type == "BatchNormalization"] == [1, 3]

    def test_one_that_would_not_validate(self, run: Run, here: Path) -> None:
        found = model(NORMED)
        found.graph.node[0].attribute.add(name="no_such", i=1, type=2)
        onnx.save(found, "a.onnx")
        before = Path("a.onnx").read_bytes()
        ran = fix(run)
        assert "can't be fixed: the result would not be valid: " in ran.err
        assert "no_such" in ran.err
        assert Path("a.onnx").read_bytes() == before

    def test_text(self, run: Run, here: Path) -> None:
        Path("a.onnxtxt").write_text(onnx.printer.to_text(model(NORMED)))
        ran = run("check", "--fix", "a.onnxtxt")
        assert ran.status == 1
        assert "is a text format that --fix does not write" in ran.err

    def test_link(self, run: Run, here: Path) -> None:
        save(NORMED)
        os.symlink("a.onnx", "b.onnx")
        assert "can't be fixed: is a symbolic link" in run("check", "--fix", "b.onnx").err
        assert Path("b.onnx").is_symlink()

    def test_a_name_that_two_nodes_have(self, run: Run, here: Path) -> None:
        """The bodies of an If may use the same names for different things."""
        graph = MASKED.replace("zero = {0}", "zero = {0}, bool on = {1}").replace("] x)", "] x, bool c)")
        shape = "float[2, 4, 8]"
        bodies = f"a () => ({shape} e) {{ e = Dropout (h, half, on) }}", f"b () => ({shape} e) {{ e = Identity (h) }}"
        save(graph % f"d = If (c) <then_branch = {bodies[0]}, else_branch = {bodies[1]}>")
        before = Path("a.onnx").read_bytes()
        assert "can't be fixed: several nodes have its name" in fix(run).err
        assert Path("a.onnx").read_bytes() == before

    def test_pytorch(self, run: Run, here: Path) -> None:
        ran = run("check", "--diff", "nets:build")
        assert (ran.status, ran.out) == (0, "")
        assert "nets:build: note: is PyTorch code: --fix edits ONNX files only" in ran.err

    def test_in_a_function(self, run: Run, here: Path) -> None:
        graph = MASKED.replace("zero = {0}", "zero = {0}, bool on = {1}") % "d = local.drop (h, half, on)"
        function = '<domain: "local", opset_import: ["": 17]> drop (a, r, t) => (o) { o = Dropout (a, r, t) }'
        header = '<ir_version: 8, opset_import: ["": 17, "local": 1]>'
        found = onnx.parser.parse_model(f"{header}{graph}{function}")
        weigh(found.graph)
        onnx.save(found, "a.onnx")
        before = Path("a.onnx").read_bytes()
        assert "can't be fixed: the node is in a function of the model" in fix(run).err
        assert Path("a.onnx").read_bytes() == before

    def test_what_is_allowed_is_meant(self, run: Run, here: Path) -> None:
        save(NORMED)
        before = Path("a.onnx").read_bytes()
        (here / "reslint.toml").write_text('[[allow]]\nrule = "training-mode-op"\nreason = "fine-tuned on device"\n')
        assert fix(run).status == 0
        assert Path("a.onnx").read_bytes() == before

    def test_only_what_is_selected(self, run: Run, here: Path) -> None:
        save(NORMED)
        before = Path("a.onnx").read_bytes()
        run("check", "--fix", "--ignore", "training-mode-op", "a.onnx")
        assert Path("a.onnx").read_bytes() == before


class TestShown:
    def test_nothing_is_written(self, run: Run, here: Path) -> None:
        save(NORMED)
        before = stamp("a.onnx")
        for more in ((), ("--fix",)):
            ran = run("check", "--diff", *more, "a.onnx")
            assert (ran.status, ran.err) == (1, "")
            assert ran.out.splitlines() == [
                "--- a.onnx",
                "+++ a.onnx (fixed)",
                "@@ n: training-mode-op @@",
                "-n, m, v = BatchNormalization <training_mode: int = 1> (f, s, b, mean, variance)",
                "+n = BatchNormalization (f, s, b, mean, variance)",
            ]
        assert stamp("a.onnx") == before

    def test_nothing_to_mend(self, run: Run, write: Write) -> None:
        write("a.onnx", SOUND)
        ran = run("check", "--diff", "a.onnx")
        assert (ran.status, ran.out, ran.err) == (0, "", "")

    def test_unreadable_and_names_that_terminals_obey(self, run: Run, here: Path) -> None:
        found = save(NORMED)
        for node in found.graph.node:
            for names in (node.input, node.output):
                names[:] = ["\x1b[31mn" if name == "n" else name for name in names]
        onnx.save(found, "a.onnx")
        Path("b.onnx").write_bytes(b"")
        ran = run("check", "--diff", ".")
        assert ran.status == 2
        assert "b.onnx: error: " in ran.err
        assert "\x1b" not in ran.out
        assert "BatchNormalization" in ran.out

    def test_other_formats(self, run: Run, here: Path) -> None:
        save(NORMED)
        assert "remove --format json" in run("check", "--diff", "--format", "json", "a.onnx").err
        assert "remove --report" in run("check", "--diff", "--report", "sarif=x", "a.onnx").err
