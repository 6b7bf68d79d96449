"""The smallest set of ops that has to stay in float32: those that overflow, those that cost most, and proof by applying it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import Run, parsed
from onnx import numpy_helper
from onnxruntime.transformers.onnx_model import OnnxModel

BLOCKS = 6


def chain(broken: int | None = None, factor: float = 1.0, offset: float = 0.0) -> onnx.ModelProto:
    """Residual blocks; in the broken one a product is scaled up and down again, or moved far off and back."""
    weights = ", ".join(f"float[16, 16] w{k}, float[16, 16] v{k}" for k in range(BLOCKS))
    body = []
    for k in range(BLOCKS):
        body += [f"f{k} = MatMul (x{k}, w{k})", f"g{k} = Relu (f{k})"]
        if k == broken:
            body += [f"u{k} = Mul (g{k}, up)", f"o{k} = Add (u{k}, far)", f"p{k} = Sub (o{k}, far)"]
            body += [f"d{k} = Div (p{k}, up)"]
        body += [f"h{k} = MatMul ({'d' if k == broken else 'g'}{k}, v{k})", f"x{k + 1} = Add (x{k}, h{k})"]
    text = (
        f"agraph (float[8, 16] x0) => (float[8, 16] x{BLOCKS}) <{weights}, float up, float far> {{ {' '.join(body)} }}"
    )
    made = parsed(text)
    for tensor, value in zip(made.graph.initializer, map(numpy_helper.to_array, made.graph.initializer), strict=True):
        new = {"up": factor, "far": offset}.get(tensor.name)
        held = value if new is None else np.array(new, np.float32)
        tensor.CopyFrom(numpy_helper.from_array(held, tensor.name))
    for node in made.graph.node:
        node.name = f"n.{node.output[0]}"
    return made


def applied(model: onnx.ModelProto, lists: dict[str, list[str]]) -> float:
    """The ratio of the model as ONNX Runtime's converter makes it with these lists, in dB."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    made = OnnxModel(half)
    names = ("op_block_list", "node_block_list")
    made.convert_float_to_float16(False, keep_io_types=True, **{name: lists[name] for name in names})
    x = np.random.default_rng(5).standard_normal((8, 16)).astype(np.float32)
    got, wanted = (
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x0": x})[0]
        for m in (made.model, model)
    )
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((got - wanted) ** 2)))


@pytest.mark.parametrize(
    ("factor", "offset", "kept"),
    [
        (1e6, 0.0, {"n.u2", "n.o2", "n.p2", "n.d2"}),  # overflows, up to where it is scaled down again
        (1.0, 3000.0, {"n.o2", "n.p2"}),  # rounded to steps of two where it is far off
    ],
)
def test_what_is_at_fault_is_kept_and_nothing_else(
    factor: float, offset: float, kept: set[str], run: Run, here: Path
) -> None:
    model = chain(2, factor, offset)
    onnx.save(model, "a.onnx")
    ran = run(
        "run", "a.onnx", "--as", "float16", "--keep-float32", "keep.json", "--format", "json", "--fail-on", "never"
    )
    assert ran.status == 0, ran.err
    found = json.loads((here / "keep.json").read_text())
    assert set(found["onnxruntime"]["node_block_list"]) == kept
    assert found["snr_db"]["applied"] >= 50
    assert applied(model, found["onnxruntime"]) >= 50
    assert {f"^{name}$".replace(".", r"\.") for name in kept} == set(found["autocast"]["nodes_to_exclude"])
    assert {f"{name}:fp32" for name in kept} == set(found["tensorrt"]["layerPrecisions"])
    (measured,) = ran.json["measurements"]
    assert isinstance(measured["keep_float32"], list)
    assert [row["overflows"] for row in measured["keep_float32"][0]["ops"]] == [factor > 1] * len(kept)


def test_a_sound_model_keeps_nothing(run: Run, here: Path) -> None:
    onnx.save(chain(), "a.onnx")
    ran = run("run", "a.onnx", "--as", "float16", "--keep-float32", "keep.json")
    assert f"0 ops of {4 * BLOCKS} to keep in float32 for 50 dB in float16" in ran.out
    assert json.loads((here / "keep.json").read_text())["ops"] == []


def test_bfloat16(run: Run, here: Path) -> None:
    onnx.save(chain(2, 1e6, 3e8), "a.onnx")
    ran = run("run", "a.onnx", "--as", "bfloat16", "--keep-float32", "keep.json", "--fail-on", "never")
    assert ran.status == 0, ran.err
    found = json.loads((here / "keep.json").read_text())
    assert {"n.o2", "n.p2"} == set(found["onnxruntime"]["node_block_list"])
    assert found["snr_db"]["applied"] >= 30 > found["snr_db"]["before"]


def test_ops_without_a_name_are_kept_with_all_of_their_type(run: Run, here: Path) -> None:
    model = chain(2, 1.0, 3000.0)
    model.graph.node[-1].name = ""  # an Add
    onnx.save(model, "a.onnx")
    assert (
        "some of them have no unique name"
        in run("run", "a.onnx", "--as", "float16", "--keep-float32", "keep.json", "--fail-on", "never").out
    )
    found = json.loads((here / "keep.json").read_text())["onnxruntime"]
    assert "Add" in found["op_block_list"]
    assert found["node_block_list"] == ["n.p2"]
    assert applied(model, found) >= 50


def test_masks_may_overflow(run: Run, here: Path) -> None:
    text = """
    agraph (float[4, 8] x, float[4, 4] m) => (float[4, 8] y) <float[8, 8] w, float far>
    {
        k = MatMul (x, w) t = Transpose <perm = [1, 0]> (k) s = MatMul (x, t)
        n = Mul (m, far) a = Add (s, n) p = Softmax (a) o = MatMul (p, x) y = Add (x, o)
    }
    """
    made = parsed(text)
    for tensor in made.graph.initializer:
        if tensor.name == "far":
            tensor.CopyFrom(numpy_helper.from_array(np.array(-1e9, np.float32), "far"))
    onnx.save(made, "a.onnx")
    mask = np.triu(np.ones((4, 4), np.float32), 1)
    np.savez(here / "in.npz", x=np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32), m=mask)
    command = ("run", "a.onnx", "--as", "float16", "--keep-float32", "keep.json", "--inputs", "in.npz")
    assert run(*command).status == 0
    assert json.loads((here / "keep.json").read_text())["ops"] == []


@pytest.mark.parametrize("words", [("--keep-float32", "k.json"), ("--as", "float16", "--snr", "40")])
def test_what_belongs_together(words: tuple[str, ...], run: Run, here: Path) -> None:
    onnx.save(chain(), "a.onnx")
    assert run("run", "a.onnx", *words).status == 2
