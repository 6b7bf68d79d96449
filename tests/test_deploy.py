"""`reslint export`: the file that is shipped, its places, and whether it computes what the module does."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from conftest import Ran, Run
from torchnets import NETS

from reslint.export.blame import relative
from reslint.export.dynamic import axis
from reslint.export.load import Loaded
from reslint.export.sample import Sample, samples

pytestmark = pytest.mark.torch

USER = "shipped_nets_of_a_user"


@pytest.fixture
def project(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (here / f"{USER}.py").write_text(NETS)
    monkeypatch.syspath_prepend(here)
    yield here
    sys.modules.pop(USER, None)


def test_the_file_is_optimized_keeps_its_places_and_computes_the_same(project: Path, run: Run) -> None:
    ran = run("export", f"{USER}:sound", "-o", "made.onnx", "--dynamic", "batch", "--dynamic", "height", "--verify")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("made.onnx: computes what the module computes, in 9 runs; the largest difference is ")
    model = onnx.load(project / "made.onnx")
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["BatchNormalization"] == 0
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        "height",
        8,
    ]
    traces = [
        p.value for node in model.graph.node for p in node.metadata_props if p.key == "pkg.torch.onnx.stack_trace"
    ]
    assert any(f'File "{USER}.py", line' in trace for trace in traces)
    assert not any(str(project) in trace for trace in traces)
    checked = run("check", "-v", "made.onnx", f"{USER}:sound")
    assert checked.out.count("ok, 3 residual blocks (3 identity)") == 2


def test_a_single_argument_may_be_a_dict(project: Path, run: Run) -> None:
    ran = run("export", f"{USER}:gathered", "-o", "made.onnx", "--verify")
    assert (ran.status, ran.err) == (0, "")
    assert "in 3 runs" in ran.out
    assert run("check", f"{USER}:gathered").out.startswith("1 model, 1 residual block ")


def test_an_opset_that_dynamo_can_not_write_is_not_exchanged_for_another(project: Path, run: Run) -> None:
    ran = run("export", f"{USER}:sound", "-o", "made.onnx", "--opset", "13")
    assert ran.status == 0
    assert "exported with TorchScript, since it can't be exported by dynamo in opset 13, only in 18" in ran.err
    assert onnx.load(project / "made.onnx").opset_import[0].version == 13
    refused = run("export", f"{USER}:sound", "-o", "other.onnx", "--opset", "13", "--exporter", "dynamo")
    assert (refused.status, refused.err) == (2, f"{USER}:sound: error: can't be exported in opset 13, only in 18\n")
    assert not (project / "other.onnx").exists()


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_file_that_computes_something_else_is_told_with_the_block(project: Path, run: Run, exporter: str) -> None:
    ran = run("export", f"{USER}:pretending", "-o", "made.onnx", "--exporter", exporter, "--verify")
    assert (ran.status, ran.out) == (1, "")
    lines = ran.err.splitlines()
    assert len(lines) == 3
    assert all("differs from the PyTorch module by 0.00" in line for line in lines)
    assert "the two diverge at the block layers.1 (tensor" in lines[0]
    assert all(re.search(r"tolerance is [\d.e-]+$", line) for line in lines[1:]), lines


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((f"{USER}:sound", "--fake"), "has no weights to write"),
        ((f"{USER}:misshapen",), "shape '[3, 5]' is invalid"),
        (("model.onnx",), "is neither module:factory"),
    ],
)
def test_what_can_not_be_written_is_told(project: Path, run: Run, arguments: tuple[str, ...], says: str) -> None:
    ran: Ran = run("export", *arguments, "-o", "made.onnx")
    assert ran.status == 2
    assert says in ran.err
    assert [file.name for file in project.iterdir() if not file.name.endswith((".py", "__pycache__"))] == []


def test_a_folder_that_is_not_there(project: Path, run: Run) -> None:
    ran = run("export", f"{USER}:sound", "-o", "nowhere/made.onnx")
    assert ran.status == 2
    assert "no such folder: 'nowhere'" in ran.err


class Summed(torch.nn.Module):
    def forward(self, first: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        if len(first) == 4:
            raise ValueError("no four of them")
        return first + rest[0]


def test_samples_have_seeds_and_sizes_and_tell_where_the_module_fails() -> None:
    loaded = Loaded(Summed().eval(), (torch.arange(6.0).view(2, 3), torch.ones(2, 3)), {})
    found = tuple(samples(loaded, (axis("batch"),), ("first", "rest"), ("sum",)))
    ran = [sample for sample in found if isinstance(sample, Sample)]
    assert [sample.label for sample in ran] == [f"seed {seed}, batch={size}" for size in (2, 3) for seed in (0, 1, 2)]
    assert [sample.feed["rest"].shape for sample in ran] == [(2, 3)] * 3 + [(3, 3)] * 3
    for sample in ran:
        np.testing.assert_array_equal(sample.wanted["sum"], np.add(sample.feed["first"], sample.feed["rest"]))
    assert not np.array_equal(ran[0].feed["first"], ran[1].feed["first"])
    assert found[6:] == (
        "seed 0, batch=4 is skipped, since the module fails there: ValueError: no four of them; at "
        f'{relative(__file__)}:{Summed.forward.__code__.co_firstlineno + 2}: raise ValueError("no four of them")',
    )


def test_integers_stay_in_their_domain() -> None:
    loaded = Loaded(torch.nn.Embedding(8, 2).eval(), (torch.tensor([[3, 5, 7]]),), {})
    found = [s for s in samples(loaded, (), ("ids",), ("rows",)) if isinstance(s, Sample)]
    assert all(set(sample.feed["ids"].flatten()) <= {3, 5, 7} for sample in found)
