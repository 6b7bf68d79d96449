"""What a model may do to the process that runs it: one clear line for that model, and the next one is run."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run, Write, parsed

from reslint.runtime.launch import process as launching
from reslint.runtime.launch.auto import chosen
from reslint.runtime.launch.process import Limits, told

TRAPS = platform.machine() in ("x86_64", "AMD64")
# The smallest integer divided by -1 is no integer: such a processor stops ONNX Runtime (SIGFPE).
CRASH = """
agraph (int64[2] x) => (int64[2] y) <int64 least = {-9223372036854775808}, int64 one = {-1}>
{ zero = Sub (x, x) a = Add (zero, least) b = Add (zero, one) y = Div (a, b) }
"""
ENDLESS = """
agraph (float[2] x) => (float[2] y) <int64 n = {9223372036854775807}, bool go = {1}>
{
    y = Loop (n, go, x) <body = inner (int64 i, bool c, float[2] a) => (bool d, float[2] b)
    { d = Identity (c) b = Neg (a) }>
}
"""
HUGE = """
agraph (float[1] x) => (float[n] y) <int64[2] s = {40000000, 100000}>
{ e = Expand (x, s) y = Neg (e) }
"""
FOREIGN = """
<ir_version: 8, opset_import: ["": 17, "acme": 1]>
agraph (float[2] x) => (float[2] y) { y = acme.Whiten (x) }
"""


@pytest.fixture
def models(here: Path) -> Path:
    """A folder of models that fail each in its own way, and one at the end that does not."""
    for name, graph in (("a_crash", CRASH), ("b_endless", ENDLESS), ("c_huge", HUGE)):
        onnx.save(parsed(graph), here / f"{name}.onnx")
    onnx.save(onnx.parser.parse_model(FOREIGN), here / "d_foreign.onnx")
    onnx.save(parsed("agraph (float[2] x) => (float[2] y) { y = Relu (x) }"), here / "e_sound.onnx")
    return here


def test_one_line_for_each_and_the_next_one_is_run(run: Run, models: Path) -> None:
    ran = run("run", ".", "--timeout", "12", "--memory", "8", "--format", "json")
    assert ran.status == 2
    files = {Path(str(file["path"])).stem: file for file in ran.json["files"]}
    assert [name for name, file in files.items() if file["status"] == "checked"] == [
        *([] if TRAPS else ["a_crash"]),
        "e_sound",
    ]
    says = {name: str(file["error"]) for name, file in files.items()}
    if TRAPS:
        assert "crashed ONNX Runtime (SIGFPE)" in says["a_crash"]
    assert says["b_endless"] == "was stopped after 12 s; allow more time with --timeout"
    assert says["c_huge"].startswith("fails: ran out of memory")
    assert "Whiten" in says["d_foreign"]
    assert says["d_foreign"].endswith("if a library of custom ops has it, name the library with --custom-ops")
    errors = [line for line in ran.err.splitlines() if ": error: " in line]
    assert len(errors) == 3 + TRAPS
    assert "Traceback" not in ran.err


class TestCustomOps:
    def test_what_is_no_library(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "ops.so").write_text("no library")
        ran = run("run", "a.onnx", "--custom-ops", "ops.so")
        assert ran.status == 2
        assert "ops.so" in ran.err
        assert len(ran.err.splitlines()) == 1
        ran = run("run", "a.onnx", "--custom-ops", "none.so")
        assert ran.status == 2
        assert "none.so" in ran.err

    @pytest.mark.skipif(sys.platform != "linux", reason="builds a library with cc as Linux has it")
    def test_a_library_is_loaded_and_only_when_named(self, run: Run, write: Write, here: Path) -> None:
        source = "#include <stdlib.h>\nvoid *RegisterCustomOps(void *options, const void *api) { abort(); }\n"
        (here / "ops.c").write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "ops.so", "ops.c"], check=True)
        write("a.onnx")
        assert run("run", "a.onnx").status == 0
        ran = run("run", "a.onnx", "--custom-ops", "ops.so")
        assert ran.status == 2
        assert "crashed ONNX Runtime (SIGABRT)" in ran.err
        (here / "ops.c").write_text(source.replace("abort();", "return 0;"))
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "fine.so", "ops.c"], check=True)
        assert run("run", "a.onnx", "--custom-ops", "fine.so").status == 0


class TestAuto:
    def test_the_only_one_there_is(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.runtime.protocol.providers._installed", lambda package: package == "onnxruntime")
        write("a.onnx")
        ran = run("run", "a.onnx", "--provider", "auto")
        assert ran.status == 0
        assert "a.onnx: note: all nodes run on the CPU; the installed onnxruntime has no other provider" in ran.err

    def test_why_not_the_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "reslint.runtime.protocol.providers._installed", lambda package: package == "onnxruntime-gpu"
        )
        name, why = chosen("auto", Limits())
        assert name == "cpu"
        assert why.startswith("all nodes run on the CPU: cuda: CUDAExecutionProvider was requested but can't be used")

    def test_others_are_asked_for_by_name(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("run", "a.onnx", "--provider", "openvino")
        assert ran.status == 2
        assert "OpenVINOExecutionProvider was requested but can't be used; this ONNX Runtime was built with" in ran.err


def test_what_a_provider_lacks_is_told() -> None:
    log = b"[E:onnxruntime] Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: no\n"
    assert launching.cause(log) == " (libcublasLt.so.13: no)"
    assert launching.cause(b"all is well") == ""


def test_advice_on_ops() -> None:
    assert told("m: Could not find an implementation for Add(6) node with name ''").endswith("opset or precision")
    assert told("m: Numpy_type 256 can't be converted to MLDataType.").endswith(
        "add a Cast at the model's inputs and outputs"
    )
    assert told("m: all is lost") == "m: all is lost"


def test_strings_are_stored_as_text(here: Path, run: Run) -> None:
    onnx.save(parsed("agraph (string[2] x) => (string[2] y) { y = Identity (x) }"), here / "a.onnx")
    assert run("run", "a.onnx", "--store", "fed.npz").status == 0
    assert np.load(here / "fed.npz")["x"].tolist() == ["a", "a"]


def test_the_child_starts_without_what_it_does_not_need() -> None:
    """Each run pays for it."""
    look = (
        "import sys; import reslint.runtime.child.main; print(*(m for m in sys.modules if m in ('onnx', 'networkx')))"
    )
    ended = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []
