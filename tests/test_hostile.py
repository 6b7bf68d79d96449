"""Files that crash, fill or stall what reads them: one line for each, and all other files are checked."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx.parser
import pytest
from onnx import ModelProto, TensorProto, helper

from reslint.api import check, dissect
from reslint.errors import UnreadableModel
from reslint.net import from_proto, native, read
from reslint.net.limits import Limits, OutOfMemory, OutOfTime, bounded
from reslint.net.native import NativeError, natively
from reslint.net.pages import pages
from reslint.runtime.protocol.job import Answer, Array, Event, Overflow, Placed, Ran
from reslint.runtime.protocol.packing import packed, unpacked

linux = pytest.mark.skipif(sys.platform != "linux", reason="a fork beside threads is safe on Linux only")
SOUND = "(float[1, 8] x) => (float[1, 8] y) <float[8, 8] w> { f = MatMul (x, w) y = Add (x, f) }"


def text(graph: str, opset: int = 20) -> ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> g {graph}')


def saved(folder: Path, **models: ModelProto) -> list[str]:
    for name, model in models.items():
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    return [f"{name}.onnx" for name in models]


def reslint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reslint", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def lacking(kind: str, outputs: int = 1) -> ModelProto:
    """A node without what onnx's C++ takes for given, which no schema asks for."""
    made = [f"y{k}" for k in range(outputs)]
    graph = helper.make_graph([helper.make_node(kind, ["x"], made)], "g", [], [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


@linux
class TestNative:
    def test_a_crash_is_one_line_and_the_other_files_are_checked(self, tmp_path: Path) -> None:
        files = saved(tmp_path, bad=lacking("RegexFullMatch"), good=text(SOUND), worse=lacking("RegexFullMatch"))
        ran = reslint(tmp_path, "check", *files, "--format", "json", "--no-cache")
        assert ran.returncode == 2
        assert "made onnx's shape inference crash (signal 11)" in ran.stderr
        assert "Traceback" not in ran.stderr
        seen = {file["path"]: file["status"] for file in json.loads(ran.stdout)["files"]}
        assert seen == {"bad.onnx": "failed", "good.onnx": "checked", "worse.onnx": "failed"}

    def test_the_process_is_there_again(self) -> None:
        with pytest.raises(UnreadableModel, match="crash"):
            natively(_kill, b"", "it")
        assert natively(_echo, b"abc", "it") == b"abc"

    def test_what_it_says(self) -> None:
        with pytest.raises(NativeError, match="no"):
            natively(_fail, b"", "it")

    def test_it_serves_one_after_the_other(self) -> None:
        assert natively(_process, b"", "it") == natively(_process, b"", "it") != str(os.getpid()).encode()

    def test_memory(self) -> None:
        with pytest.raises(OutOfMemory):
            natively(partial(_take, 1 << 30), b"", "it", memory=1 << 28)
        assert natively(partial(_take, 1 << 20), b"", "it", memory=1 << 28) == b""

    def test_time(self) -> None:
        with (
            pytest.raises(OutOfTime, match=r"after 0\.2 s; allow more time with --limit-seconds"),
            bounded(Limits(0.2)),
        ):
            natively(_wait, b"", "it")
        assert natively(_echo, b"abc", "it") == b"abc"

    def test_a_large_answer(self) -> None:
        assert natively(_echo, b"a" * (5 << 20), "it") == b"a" * (5 << 20)

    def test_it_ends_with_the_process_that_asks(self) -> None:
        code = "import os\nfrom reslint.net.native import natively\nfrom test_hostile import _process\n"
        code += "print(natively(_process, b'', 'it').decode(), flush=True)\nos.kill(os.getpid(), 9)"
        ran = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)
        assert ran.returncode == -signal.SIGKILL
        assert _is_gone(int(ran.stdout))

    def test_a_fork_of_the_process_has_its_own(self) -> None:
        mine = natively(_process, b"", "it")
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            os.write(write_end, natively(_process, b"", "it"))
            native._stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read_end, 20) != mine == natively(_process, b"", "it")
        os.close(read_end)
        os.close(write_end)


def _kill(payload: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGSEGV)
    return payload


def _echo(payload: bytes) -> bytes:
    return payload


def _fail(payload: bytes) -> bytes:
    raise ValueError("no")


def _process(payload: bytes) -> bytes:
    return str(os.getpid()).encode()


def _take(size: int, payload: bytes) -> bytes:
    return bytes(size)[:0]


def _wait(payload: bytes) -> bytes:
    time.sleep(60)
    return payload


def _is_gone(process: int) -> bool:
    """Whether a process ends within a while; one that nobody waited for is none any more."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


class TestLimits:
    def test_memory_is_told(self, tmp_path: Path) -> None:
        says = r"more memory than 0\.2 GB; allow more with --limit-memory"
        with pytest.raises(OutOfMemory, match=says), bounded(Limits(memory=200_000_000)):
            raise MemoryError

    def test_time_of_the_command_line(self, tmp_path: Path) -> None:
        files = saved(tmp_path, good=text(SOUND))
        ran = reslint(tmp_path, "check", *files, "--limit-seconds", "0.000001", "--no-cache")
        assert ran.returncode == 2
        assert "good.onnx: error: was given up after 1e-06 s; allow more time with --limit-seconds" in ran.stderr

    def test_functions_are_counted_before_they_are_inlined(self) -> None:
        functions = "".join(
            f'<opset_import: ["" : 20, "l" : 1], domain: "l"> f{k} (a) => (b) {{ t = l.f{k - 1} (a) b = l.f{k - 1} (t) }}\n'
            for k in range(1, 40)
        )
        model = onnx.parser.parse_model(
            '<ir_version: 10, opset_import: ["" : 20, "l" : 1]> g (float[1] x) => (float[1] y) { y = l.f39 (x) }\n'
            f'<opset_import: ["" : 20], domain: "l"> f0 (a) => (b) {{ b = Relu (a) }}\n{functions}'
        )
        with pytest.raises(UnreadableModel, match="functions that call each other and expand to more than"):
            from_proto(model)

    def test_deep_text(self, tmp_path: Path) -> None:
        path = tmp_path / "deep.onnxtxt"
        path.write_text(f'<ir_version: 10, opset_import: ["" : 20]> g ({"seq(" * 9999}float{")" * 9999} x) => () {{}}')
        with pytest.raises(UnreadableModel, match="nested deeper than 200 levels"):
            read(path)

    def test_brackets_in_texts_and_arrows_nest_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "flat.onnxtxt"
        strange = '"{{{{\\"((("'
        path.write_text(
            f'<ir_version: 10, opset_import: ["" : 20], producer_name: {strange}> g (float[1] x) => (float[1] y) {{'
            + "t0 = Relu (x) "
            + "".join(f"t{k} = Relu (t{k - 1}) " for k in range(1, 300))
            + "y = Relu (t299) }"
        )
        assert len(read(path).ops) == 301


class TestDamage:
    def test_a_tensor_made_twice(self) -> None:
        with pytest.raises(UnreadableModel, match="makes the tensor 'f' twice"):
            from_proto(text("(float[1] x) => (float[1] f) { f = Relu (x) f = Tanh (x) }"))

    def test_an_input_made_again(self) -> None:
        with pytest.raises(UnreadableModel, match="makes the tensor 'x' twice"):
            from_proto(text("(float[1] x) => (float[1] x) { x = Cast <to = 1> (x) }"))

    def test_a_lacking_attribute(self) -> None:
        with pytest.raises(UnreadableModel, match="Concat 'y' lacks its attribute 'axis'"):
            from_proto(text("(float[1] x) => (float[1] y) { y = Concat (x, x) }"))

    def test_too_many_inputs(self) -> None:
        with pytest.raises(UnreadableModel, match="Mul 'y' has 3 inputs and 1 output, the operator 2 and 1"):
            from_proto(text("(float[1] x) => (float[1] y) { y = Mul (x, x, x) }"))

    def test_too_many_inputs_in_an_operator_set_of_the_future(self) -> None:
        model = text("(float[1] x) => (float[1] z) { y = Mul (x, x, x) z = Add (x, y) }", 999)
        assert [op.type for op in from_proto(model).ops] == ["Mul?", "Add"]
        assert {finding.rule for finding in check(model)} == {"opset-or-domain-unknown"}

    def test_too_many_inputs_in_a_foreign_domain(self) -> None:
        header = '<ir_version: 10, opset_import: ["" : 20, "acme" : 1]>'
        graph = "(float[1, 8] x) => (float[1, 8] y) { p = acme.Mul (x, x, x) q = Mul (x, x) y = Add (p, q) }"
        net = from_proto(onnx.parser.parse_model(f"{header} g {graph}"))
        assert [op.type for op in net.ops] == ["Mul?", "Mul", "Add"]

    def test_inside_a_body(self) -> None:
        body = "body = b (int64 i, bool go, float h) => (bool go, float n) { n = Mul (h, h, h) }"
        with pytest.raises(UnreadableModel, match="Mul 'n' has 3 inputs"):
            from_proto(text(f"(float x) => (float y) {{ y = Loop <{body}> (, , x) }}"))

    def test_branches_that_give_less(self) -> None:
        then = "then_branch = t () => (float[1] a) { a = Relu (x) }, else_branch = e () => () { b = Relu (x) }"
        with pytest.raises(UnreadableModel, match="the branches of If 'y' give 1 and 0 outputs, the node 1"):
            from_proto(text(f"(float[1] x, bool c) => (float[1] y) {{ y = If (c) <{then}> }}"))

    def test_a_body_without_states(self) -> None:
        model = text(
            "(float x) => (float y) { y = Loop <body = b (int64 i, bool go) => (bool k) { k = Identity (go) }> (, , x) }"
        )
        assert check(model, profile="design") == ()

    def test_a_sequence_where_a_tensor_is_expected(self) -> None:
        model = text("(seq(float[1, 8]) x, float[1, 8] z) => (float[1, 8] y) { f = Relu (z) y = Add (x, f) }")
        assert dissect(model).cost.activation_bytes >= 0

    def test_a_type_of_the_future(self) -> None:
        model = text(SOUND)
        model.graph.initializer.append(TensorProto(name="w", dims=[8, 8], data_type=99))
        model.graph.input[0].type.tensor_type.elem_type = 98
        assert isinstance(check(model, profile="design"), tuple)
        assert dissect(model).cost.params >= 0

    def test_strides_of_zero(self) -> None:
        graph = "(float[1, 8, 4, 4] x) => (y) <float[8, 8, 1, 1] w, float[8, 8, 3, 3] v> {"
        model = text(
            f"{graph} k = Conv <strides = [2, 0]> (x, w) f = Conv (x, v) g = Relu (f) h = Conv (g, v) y = Add (k, h) }}"
        )
        assert isinstance(check(model, profile="design"), tuple)


class TestReading:
    def test_a_file_that_becomes_shorter(self, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        path.write_bytes(bytes(3 << 20))
        with pages(path) as held:
            assert held[3 << 19] == 0
            os.truncate(path, 100)
            with pytest.raises(UnreadableModel, match="became shorter while it was read"):
                held[1 << 10]

    @pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "m.onnx")
        with pytest.raises(UnreadableModel, match="it is a pipe and no file"):
            read(tmp_path / "m.onnx")

    def test_a_shape_of_many_axes(self) -> None:
        model = text("(float[1, 8] x, int64[2147483647] s) => (y) { y = Expand (x, s) }", 9)
        with pytest.raises(UnreadableModel, match="makes onnx's shape inference take more than 512 MB"):
            from_proto(model)


def answer() -> Answer:
    outputs: dict[str, Array] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array(1.5, np.float16),
        "c": np.array(["x", "y\ud800"], dtype=object),
        "d": np.zeros((0, 3), np.int64),
        "e": np.array([1, 2], ml_dtypes.bfloat16),
    }
    ran = Ran((outputs, {}), Overflow("t", float("inf")))
    return Answer(
        (1,), ((ran,),), placed=((Placed("n", "Add", "CPU"),),), seconds=(((0.1,),),), events=(Event("n", 0.5),)
    )


class TestAnswer:
    def test_back_and_forth(self, tmp_path: Path) -> None:
        path = tmp_path / "answer"
        path.write_bytes(b"".join(packed(answer())))
        with path.open("rb") as file:
            back = unpacked(file, path.stat().st_size)
        assert repr(back) == repr(answer())
        assert {name: a.dtype for name, a in back.ran[0][0].outputs[0].items()} == {
            name: a.dtype for name, a in answer().ran[0][0].outputs[0].items()
        }

    @pytest.mark.parametrize("seed", range(60))
    def test_damage_is_told_and_nothing_is_executed(self, seed: int, tmp_path: Path) -> None:
        chance = random.Random(seed)
        data = bytearray(b"".join(packed(answer())))
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / "answer"
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        with path.open("rb") as file, suppress(ValueError, TypeError, LookupError, AttributeError):
            assert isinstance(unpacked(file, path.stat().st_size), Answer)

    def test_outputs_that_are_too_large(self, tmp_path: Path) -> None:
        model = text("(float[1] x) => (float[n, m] y) <int64[2] s = {9000, 9000}> { y = Expand (x, s) }", 9)
        files = saved(tmp_path, large=model)
        ran = reslint(tmp_path, "run", *files, "--memory", "2")
        assert ran.returncode == 2
        assert "ran out of memory; allow more with --memory" in ran.stderr


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_leaves_nothing(number: int, tmp_path: Path) -> None:
    body = "body = b (int64 i, bool c, float[2] a) => (bool d, float[2] n) { d = Identity (c) n = Neg (a) }"
    weights = "int64 n = {9223372036854775807}, bool go = {1}"
    files = saved(
        tmp_path, endless=text(f"(float[2] x) => (float[2] y) <{weights}> {{ y = Loop <{body}> (n, go, x) }}")
    )
    left = tmp_path / "left"
    left.mkdir()
    command = [sys.executable, "-m", "reslint", "run", *files, "--timeout", "100"]
    around = {**os.environ, "TMPDIR": str(left)}
    run = subprocess.Popen(command, cwd=tmp_path, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children: list[int] = []
    while run.poll() is None and not any(b"reslint.runtime.child" in _command(child) for child in children):
        children = _children(run.pid)
        time.sleep(0.05)
    run.send_signal(number)
    run.wait()
    assert children
    assert all(map(_is_gone, children))
    assert list(left.iterdir()) == []


def _children(process: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _command(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


class TestTangles:
    def test_a_merge_of_too_many_ways_is_told_and_the_rest_is_analysed(self, tmp_path: Path) -> None:
        many = 40
        wide = " ".join(f"r{k} = Relu (y)" for k in range(many))
        graph = f"(float[1, 8] x) => (float[1, 8] z) <float[8, 8] w> {{ f = MatMul (x, w) y = Add (x, f) {wide}"
        files = saved(tmp_path, tangled=text(f"{graph} z = Sum ({', '.join(f'r{k}' for k in range(many))}) }}"))
        says = "Sum 'z' was not analysed: more than 1000 ways lead here; what stands there is not checked"
        for _ in range(2):  # the second time from the cache
            ran = reslint(tmp_path, "check", *files)
            assert f"tangled.onnx: note: {says}" in ran.stderr
            assert "1 residual block" in ran.stdout
            time.sleep(0.1)

    def test_a_net_of_tangles_is_left_at_some_point(self) -> None:
        held, nodes = ["x"], []
        for k in range(900):
            nodes.append(f"f{k} = MatMul ({held[-1]}, w) y{k} = Add (f{k}, {held[len(held) // 2]})")
            held.append(f"y{k}")
        anatomy = dissect(text(f"(float[1, 8] x) => (float[1, 8] {held[-1]}) <float[8, 8] w> {{ {' '.join(nodes)} }}"))
        left = [merge.reason for merge in anatomy.merges if not merge.analysed]
        assert left
        assert anatomy.blocks


class TestDoor:
    def test_a_value_of_constant_of_shape_is_not_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "secret.bin").write_bytes((77).to_bytes(8, "little"))
        model = text("(float[n] x) => (y) <int64[1] one = {1}> { c = ConstantOfShape (one) y = Reshape (x, c) }")
        value = TensorProto(name="v", dims=[1], data_type=TensorProto.INT64, data_location=TensorProto.EXTERNAL)
        value.external_data.add(key="location", value="secret.bin")
        model.graph.node[0].attribute.append(helper.make_attribute("value", value))
        below = tmp_path / "below"
        below.mkdir()
        (below / "m.onnx").write_bytes(model.SerializeToString())
        net = read(below / "m.onnx")
        assert net.shape("y") != (77,)

    def test_a_forged_mark_is_an_external_file_like_any_other(self, tmp_path: Path) -> None:
        model = text(SOUND)
        weight = TensorProto(name="w", dims=[8, 8], data_type=1, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "../secret.bin"), ("offset", "0"), ("length", "256"), ("reslint.field", "9")):
            weight.external_data.add(key=key, value=value)
        model.graph.initializer.append(weight)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        assert read(tmp_path / "m.onnx").unread == (
            "external data '../secret.bin' lies outside the model's folder and is not opened",
        )
