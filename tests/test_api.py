"""Python code that uses reslint: models as paths, in memory and read already; selections and configurations."""

from __future__ import annotations

import doctest
import sys
from importlib import import_module
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Write, parsed
from torchnets import NETS

import reslint
from reslint import api
from reslint.errors import BadConfiguration, UnknownRule, UnreadableModel

ROOT = Path(__file__).parents[1]
DOUBLED = SOUND.replace("Add (x, h)", "Add (h, h)")


def test_the_examples_in_the_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    ran = doctest.testmod(api)
    assert ran.attempted >= 4
    assert not ran.failed


def test_a_path_a_model_in_memory_and_one_that_was_read_give_the_same(write: Write) -> None:
    path = write("a.onnx", DOUBLED)
    ways = (path, str(path), onnx.load(path), reslint.read(path))
    found = [reslint.check(way) for way in ways]
    assert {finding.rule for finding in found[0]} == {"empty-branch"}
    assert len({tuple((f.rule, f.tensor, f.fingerprint) for f in findings) for findings in found}) == 1
    assert {len(reslint.dissect(way).merges) for way in ways} == {1}


def test_a_model_in_memory_has_a_path_of_its_own() -> None:
    (finding,) = reslint.check(parsed(DOUBLED))
    assert finding.path == "model.onnx"


def test_selection_goes_before_the_configuration() -> None:
    model = parsed(DOUBLED)
    config = reslint.Config(ignore=("empty-branch",))
    assert not reslint.check(model, config=config)
    assert reslint.check(model, config=config, select=["shortcut"], ignore=["norm"])
    assert not reslint.check(model, select=["norm"])


def test_profile() -> None:
    model = parsed(SOUND.replace("    g = Relu (f)\n", "").replace("(g, v)", "(f, v)"))
    assert [f.rule for f in reslint.check(model, profile="design")] == ["affine-branch"]
    assert not reslint.check(model)


def test_what_can_not_be_done_is_an_error(here: Path) -> None:
    (here / "a.onnx").write_bytes(b"")
    with pytest.raises(UnreadableModel):
        reslint.check("a.onnx")
    with pytest.raises(UnreadableModel):
        reslint.dissect("b.onnx")
    with pytest.raises(UnknownRule):
        reslint.check(parsed(SOUND), select=["shortcat"])
    with pytest.raises(BadConfiguration):
        reslint.check(parsed(SOUND), profile="shipped")


@pytest.mark.torch
def test_a_module_is_exported_as_it_would_be_used_and_left_as_it_was(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "nets_in_memory.py").write_text(NETS)
    monkeypatch.syspath_prepend(str(here))
    module, inputs = import_module("nets_in_memory").broken()
    module.train()
    module.layers[0].bn1.eval()
    modes = [part.training for part in module.modules()]
    (finding,) = reslint.check(module, inputs, select=["shortcut"])
    assert (finding.rule, finding.module, finding.file) == ("shortcut-broadcast", "layers.1", "nets_in_memory.py")
    assert [part.training for part in module.modules()] == modes
    del sys.modules["nets_in_memory"]


def test_what_is_no_model() -> None:
    with pytest.raises(TypeError, match="not a dict"):
        reslint.check({})  # type: ignore[arg-type]
