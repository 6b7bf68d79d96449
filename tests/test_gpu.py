"""What can be known of a run on a GPU without one: from a stub that computes on the CPU, and from a real other provider."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import onnx
import pytest
from conftest import Ran, Run, Write, parsed

from reslint.anatomy import dissect
from reslint.measure import Placement
from reslint.net import read
from reslint.rules import Settings
from reslint.rules.provider_fallback import provider_fallback
from reslint.runtime.child.on_device import libraries
from reslint.runtime.launch import auto

NET = """
agraph (float[n, 8] x) => (float[n, 8] y) <float[8, 8] w, float[8, 8] v>
{ f = MatMul (x, w) s = Softmax (f) h = MatMul (s, v) y = Add (x, h) }
"""
Stub = Callable[..., Path]


@pytest.fixture
def stub(here: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Put the stub before the real ONNX Runtime; the file to which it logs sessions."""

    def placed(**wanted: object) -> Path:
        log = here / "sessions.jsonl"
        (here / "stub" / "onnxruntime").mkdir(parents=True, exist_ok=True)
        copy(Path(__file__).with_name("stub_onnxruntime.py"), here / "stub" / "onnxruntime" / "__init__.py")
        first = (str(here / "stub"), str(Path(__file__).parents[1]))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(first))
        monkeypatch.setenv("RESLINT_STUB", json.dumps({"log": str(log), **wanted}))
        monkeypatch.setattr(
            "reslint.runtime.protocol.providers._installed", lambda package: package == "onnxruntime-gpu"
        )
        auto._probed.cache_clear()
        return log

    return placed


def rows(ran: Ran, kind: str) -> list[dict[str, float | str | dict[str, int]]]:
    """What was measured of one kind."""
    found = ran.json["measurements"][0][kind]
    assert isinstance(found, list)
    return found


def sessions(log: Path) -> list[dict[str, dict[str, str]]]:
    """The options of the providers of each session that had more than the CPU; it must not fall back."""
    every = [json.loads(line) for line in log.read_text().splitlines()]
    made = [one for one in every if "CUDAExecutionProvider" in one["providers"]]
    assert all(one["enable_fallback"] == 0 for one in made)
    return [one["providers"] for one in made]


def test_it_never_goes_elsewhere_in_silence(run: Run, write: Write, stub: Stub) -> None:
    log = stub()
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda", "--format", "json")
    assert ran.status == 0, ran.err
    assert sessions(log)
    against = [row["against"] for row in rows(ran, "agreement")]
    for what in ("itself on cuda, run again", "the CPU", "itself on cuda without graph optimizations"):
        assert what in against
    assert "the CPU, as shipped, with TF32" in against


def test_options(run: Run, write: Write, stub: Stub) -> None:
    log = stub()
    write("a.onnx", NET)
    given = ("--provider-option", "cudnn_conv_algo_search=HEURISTIC", "--device", "1", "--memory", "4")
    assert run("run", "a.onnx", "--provider", "cuda", *given).status == 0
    exact, shipped = (
        [p for p in (one["CUDAExecutionProvider"] for one in sessions(log)) if ("use_tf32" in p) is which]
        for which in (True, False)
    )
    assert exact
    assert shipped
    for one in (*exact, *shipped):
        assert one["cudnn_conv_algo_search"] == "HEURISTIC"
        assert one["device_id"] == "1"
        assert one["gpu_mem_limit"] == "4000000000"
    assert exact[0]["enable_skip_layer_norm_strict_mode"] == "1"
    assert run("run", "a.onnx", "--provider", "cuda", "--provider-option", "nonsense").status == 2


def test_tensorrt_keeps_its_engine_for_the_run(run: Run, write: Write, stub: Stub) -> None:
    log = stub()
    write("a.onnx", NET)
    given = ("--provider-option", "trt_fp16_enable=1")
    ran = run("run", "a.onnx", "--provider", "tensorrt", *given)
    assert ran.status == 0, ran.err
    made = [one["TensorrtExecutionProvider"] for one in sessions(log)]
    assert {one["trt_engine_cache_enable"] for one in made} == {"1"}
    assert {one["trt_fp16_enable"] for one in made} == {"1"}
    assert {one["trt_layer_norm_fp32_fallback"] for one in made} == {"1"}
    (folder,) = {one["trt_engine_cache_path"] for one in made}
    assert not Path(folder).exists()  # only for the run
    assert all("trt_fp16_enable" not in one["CUDAExecutionProvider"] for one in sessions(log))


def test_without_a_reference_nothing_runs_on_the_cpu(run: Run, write: Write, stub: Stub) -> None:
    log = stub()
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda", "--reference", "none", "--format", "json")
    assert ran.status == 0, ran.err
    every = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(sessions(log)) == len(every)
    against = [row["against"] for row in rows(ran, "agreement")]
    assert "the CPU" not in against
    assert "itself, run again" in against
    assert ran.json["measurements"][0]["signal"]


def test_what_it_leaves_to_the_cpu(run: Run, write: Write, stub: Stub) -> None:
    stub(leaves=["Softmax"])
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda", "--format", "json", "--select", "provider-fallback")
    (finding,) = ran.json["findings"]
    assert finding["tensor"] == "s"
    (placement,) = rows(ran, "placement")
    assert placement["parts"] == {"CUDAExecutionProvider": 2, "CPUExecutionProvider": 1}


@pytest.mark.parametrize(("share", "severity"), [(None, "error"), (0.3, "error"), (0.05, "warning"), (0.001, "note")])
def test_severity_goes_by_the_share_of_the_time(write: Write, share: float | None, severity: str) -> None:
    anatomy = dissect(read(write("a.onnx", NET)))
    op = next(op for op in anatomy.net.ops if op.type == "Softmax")
    found = Placement(anatomy, "cuda", ((op, "CPUExecutionProvider"),), share=share)
    (draft,) = provider_fallback(found, Settings())
    assert str(draft.severity) == severity


@pytest.mark.parametrize(("flaw", "rule"), [("optimizer", "optimizer-divergence"), ("tf32", "")])
def test_the_provider_is_looked_at_in_each_way(flaw: str, rule: str, run: Run, write: Write, stub: Stub) -> None:
    stub(**{flaw: True})
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda", "--format", "json", "--fail-on", "never")
    assert [f["rule"] for f in ran.json["findings"]] == ([rule] if rule else [])
    apart = {str(row["against"]): float(str(row["relative"])) for row in rows(ran, "agreement")}
    assert (apart["the CPU, as shipped, with TF32"] > 5e-4) is (flaw == "tf32")


def test_what_it_says_reaches_the_user(run: Run, write: Write, stub: Stub) -> None:
    says = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0"
    stub(says=says, fails="could not be made")
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda")
    assert ran.status == 2
    assert "CUDA driver version is insufficient" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_auto_runs_a_kernel_once(run: Run, write: Write, stub: Stub) -> None:
    log = stub()
    write("a.onnx", NET)
    write("b.onnx", NET)
    assert run("run", "a.onnx", "b.onnx", "--provider", "auto", "--reference", "none").status == 0
    first = sessions(log)
    assert first
    stub(fails="no kernel image is available")
    ran = run("run", "a.onnx", "--provider", "auto")
    assert ran.status == 0
    assert "all nodes run on the CPU: cuda: no kernel image is available" in ran.err


def test_timing(run: Run, write: Write, stub: Stub) -> None:
    stub()
    write("a.onnx", NET)
    ran = run("run", "a.onnx", "--provider", "cuda", "--time", "--runs", "20", "--seconds", "0", "--format", "json")
    assert ran.status == 0, ran.err
    assert rows(ran, "latency")[0]["provider"] == "cuda"


def test_libraries_in_the_order_in_which_they_need_each_other(here: Path) -> None:
    for name in ("libcudnn.so.9", "libcublas.so.12", "libcublasLt.so.12", "libcudart.so.12", "libother.so.1"):
        (here / name).touch()
    names = [file.name for file in libraries(here)]
    assert names[:2] == ["libcudart.so.12", "libcublasLt.so.12"]
    assert names[-1] == "libcudnn.so.9"
    assert "libother.so.1" not in names


def test_openvino(run: Run, here: Path) -> None:
    """A real provider that is not the CPU's: pip install onnxruntime-openvino in an environment of its own."""
    onnxruntime = pytest.importorskip("onnxruntime")
    if "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no OpenVINO")
    onnx.save(parsed(NET), here / "a.onnx")
    words = ("--provider-option", "device_type=CPU", "--time", "--runs", "20", "--seconds", "0", "--format", "json")
    ran = run("run", "a.onnx", "--provider", "openvino", *words)
    assert ran.status == 0, ran.err
    (placement,) = rows(ran, "placement")
    assert isinstance(placement["nodes"], dict)
    assert list(placement["nodes"]) == ["OpenVINOExecutionProvider"]
    assert "itself on openvino, run again" in [row["against"] for row in rows(ran, "agreement")]
