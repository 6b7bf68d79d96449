"""Comparisons block by block: the noise of each, and the one that stands out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run, parsed
from onnx import numpy_helper

from reslint.anatomy import dissect
from reslint.measure import Measurement, Narrowed, Referred
from reslint.net import read
from reslint.rules import Settings
from reslint.rules.block_error import block_error
from reslint.runtime import Wanted, measured

BLOCKS = 8
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def chain(bare: int | None = None) -> onnx.ModelProto:
    """Blocks of two layers in a row; of `bare` the shortcut is left out."""
    weights = ", ".join(f"float[32, 32] w{k}, float[32, 32] v{k}" for k in range(BLOCKS))
    ends = (f"x{k + 1} = Add (x{k}, h{k})" if k != bare else f"x{k + 1} = Identity (h{k})" for k in range(BLOCKS))
    blocks = (
        f"f{k} = MatMul (x{k}, w{k}) g{k} = Relu (f{k}) h{k} = MatMul (g{k}, v{k}) {end}" for k, end in enumerate(ends)
    )
    return parsed(f"agraph (float[16, 32] x0) => (float[16, 32] x{BLOCKS}) <{weights}> {{ {' '.join(blocks)} }}")


def noisy(model: onnx.ModelProto, share: float, gains: dict[str, float]) -> onnx.ModelProto:
    """The same model with each weight rounded to a share of its largest value, and some scaled."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in made.graph.initializer:
        values = numpy_helper.to_array(tensor)
        step = float(np.abs(values).max()) * share
        rounded = np.round(values / step) * step * gains.get(tensor.name, 1.0)
        tensor.CopyFrom(numpy_helper.from_array(rounded.astype(np.float32), tensor.name))
    return made


def compared(path: Path, wanted: Wanted) -> Referred:
    (found,) = (one for one in subjects(path, wanted) if isinstance(one, Referred))
    return found


def subjects(path: Path, wanted: Wanted) -> tuple[Measurement, ...]:
    return measured(dissect(read(path)), wanted).subjects


class TestNoise:
    def test_alone_and_along_the_stream_as_numpy_finds_them(self, here: Path) -> None:
        old = chain()
        new = noisy(old, 1 / 127, {})
        onnx.save(old, here / "old.onnx")
        onnx.save(new, here / "new.onnx")
        x = np.random.default_rng(0).normal(size=(16, 32)).astype(np.float32)
        np.savez(here / "x.npz", x0=x)
        found = compared(here / "new.onnx", Wanted(inputs=here / "x.npz", against=here / "old.onnx"))
        held, rough = (
            {t.name: numpy_helper.to_array(t).astype(np.float64) for t in m.graph.initializer} for m in (old, new)
        )

        def branch(stream: Floats, of: dict[str, Floats], k: int) -> Floats:
            made: Floats = np.maximum(stream @ of[f"w{k}"], 0) @ of[f"v{k}"]
            return made

        right, ours = x.astype(np.float64), x.astype(np.float64)
        for k, noise in enumerate(found.blocks):
            wanted, alone = branch(right, held, k), branch(right, rough, k)
            ours = ours + branch(ours, rough, k)
            own = 10 * math.log10(np.mean(wanted**2) / np.mean((alone - wanted) ** 2))
            right = right + wanted
            assert noise.own == pytest.approx(own, abs=0.1)
            assert noise.snr == pytest.approx(
                10 * math.log10(np.mean(right**2) / np.mean((ours - right) ** 2)), abs=0.1
            )

    @pytest.mark.parametrize("at", [0, 3, BLOCKS - 1])
    def test_a_scale_that_is_wrong_by_a_quarter(self, here: Path, run: Run, at: int) -> None:
        onnx.save(chain(), here / "old.onnx")
        onnx.save(noisy(chain(), 1 / 127, {f"v{at}": 1.25}), here / "new.onnx")
        (here / "reslint.toml").write_text("tolerance = {float32 = 0.15}")
        arguments = ("run", "new.onnx", "--against", "old.onnx", "--select", "numerics", "--format", "json")
        findings = [f for f in run(*arguments).json["findings"] if f["rule"] in ("block-error", "reference-mismatch")]
        assert {f["tensor"] for f in findings} == {f"x{at + 1}"}
        agreements = json.loads(run(*arguments).out)["measurements"][0]["agreement"]
        (agreement,) = (a for a in agreements if a["against"] == "old.onnx")
        assert len(agreement["blocks"]) == BLOCKS
        assert agreement["blocks"][at]["own_db"] == pytest.approx(12, abs=1)

    def test_sound_blocks_and_equal_ones(self, here: Path) -> None:
        onnx.save(chain(), here / "old.onnx")
        onnx.save(noisy(chain(), 1 / 127, {}), here / "new.onnx")
        (here / "same.onnx").write_bytes((here / "old.onnx").read_bytes())
        rough = compared(here / "new.onnx", Wanted(against=here / "old.onnx"))
        assert not list(block_error(rough, Settings()))
        same = compared(here / "same.onnx", Wanted(against=here / "old.onnx"))
        assert [noise.snr for noise in same.blocks] == [math.inf] * BLOCKS
        half = compared(here / "old.onnx", Wanted(precision="float16"))
        assert isinstance(half, Narrowed)
        assert all(noise.own is not None and 50 < noise.own < 90 for noise in half.blocks)
        assert not list(block_error(half, Settings()))

    def test_the_finding_on_outputs_stands_at_the_block(self, here: Path, run: Run) -> None:
        onnx.save(chain(), here / "old.onnx")
        onnx.save(noisy(chain(), 1e-9, {"w5": 3.0}), here / "new.onnx")
        arguments = ("run", "new.onnx", "--against", "old.onnx", "--select", "reference-mismatch,block-error")
        (finding,) = run(*arguments, "--format", "json").json["findings"]
        assert (finding["rule"], finding["tensor"]) == ("reference-mismatch", "x6")

    def test_a_dropped_shortcut_is_named(self, here: Path, run: Run) -> None:
        onnx.save(chain(), here / "old.onnx")
        onnx.save(chain(bare=4), here / "new.onnx")
        ran = run("run", "new.onnx", "--against", "old.onnx", "--select", "reference-mismatch")
        assert ran.status == 1
        assert "no counterpart" in ran.out
        assert "block x5 of old.onnx" in ran.out

    def test_the_chart_and_the_table(self, here: Path, run: Run) -> None:
        onnx.save(chain(), here / "old.onnx")
        onnx.save(noisy(chain(), 1 / 127, {"v2": 1.5}), here / "new.onnx")
        out = run("run", "new.onnx", "--against", "old.onnx").out
        assert "  signal-to-noise ratio by block, in dB, against old.onnx" in out
        assert (
            "Signal-to-noise ratio against old.onnx"
            in run("run", "new.onnx", "--against", "old.onnx", "--format", "html").out
        )
