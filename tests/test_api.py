"""Python code that uses reslint: models as paths, in memory and read already; selections and configurations."""

from __future__ import annotations

import doctest
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pytest
from conftest import SOUND, Write, parsed
from torchnets import NETS

import reslint
from reslint import api
from reslint.errors import BadConfiguration, ExportFailed, RunFailed, UnknownRule, UnreadableModel
from reslint.finding import Findings
from reslint.measure import Signal

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


def test_one_rule_or_family_needs_no_list() -> None:
    model = parsed(DOUBLED)
    assert [f.rule for f in reslint.check(model, select="shortcut")] == ["empty-branch"]
    assert not reslint.check(model, select="norm,depth")
    assert not reslint.check(model, ignore="empty-branch")


def test_a_run_gives_findings_and_measurements(write: Write) -> None:
    ran = reslint.run(write("a.onnx", DOUBLED), seed=1)
    assert {finding.rule for finding in ran.findings} <= {"empty-branch", "exploding-signal"}
    assert any(isinstance(found, Signal) for found in ran.measurements)
    assert len(ran.fed) == 1
    with pytest.raises(RunFailed, match=r"^model\.onnx: "):
        reslint.run(parsed(SOUND), against="nowhere.npz")


def test_two_models_are_compared() -> None:
    difference = reslint.diff(parsed(SOUND), parsed(SOUND.replace("Add (x, h)", "Add (h, h)")))
    assert not difference.same
    assert len(difference.lost_shortcuts) == 1


def test_profile() -> None:
    model = parsed(SOUND.replace("    g = Relu (f)\n", "").replace("(g, v)", "(f, v)"))
    assert [f.rule for f in reslint.check(model, profile="design")] == ["affine-branch"]
    assert not reslint.check(model)


def test_what_can_not_be_done_is_an_error(here: Path) -> None:
    (here / "a.onnx").write_bytes(b"")
    with pytest.raises(UnreadableModel, match=r"^a\.onnx: "):
        reslint.check("a.onnx")
    with pytest.raises(UnreadableModel, match=r"^a\.onnx: "):
        reslint.run("a.onnx")
    with pytest.raises(UnreadableModel):
        reslint.dissect("b.onnx")
    with pytest.raises(UnknownRule):
        reslint.check(parsed(SOUND), select=["shortcat"])
    with pytest.raises(BadConfiguration):
        reslint.check(parsed(SOUND), profile="shipped")


@pytest.mark.torch
def test_a_module_takes_keywords_and_dictionaries() -> None:
    from torch import Tensor, nn, randn

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(8, 8)

        def forward(self, x: Tensor, *, scale: Tensor) -> Tensor:
            y: Tensor = x + self.inner(x).relu() * scale
            return y

    fed = {"x": randn(2, 8), "scale": randn(8)}
    ways = (reslint.dissect(Scaled(), fed), reslint.dissect(Scaled(), (fed["x"],), {"scale": fed["scale"]}))
    assert [len(way.blocks) for way in ways] == [1, 1]
    with pytest.raises(ExportFailed, match=r"^Scaled: "):
        reslint.check(Scaled(), (fed["x"],))


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
    with pytest.raises(TypeError, match="not dict"):
        reslint.check({})  # type: ignore[arg-type]


class TestNotebook:
    def test_values_have_a_short_repr(self, write: Write) -> None:
        anatomy = reslint.dissect(write("a.onnx", SOUND))
        assert repr(anatomy) == "<Anatomy of 'a.onnx': 1 residual blocks (1 identity), 2 weighted layers>"
        assert repr(anatomy.net) == "<Net 'agraph' of 'a.onnx': 4 ops>"
        (block,) = anatomy.blocks
        assert repr(block).startswith("<Block 'y': identity, ")
        assert repr(block.merge) == "<Op 'Add' 'y'>"
        (finding,) = reslint.check(parsed(DOUBLED))
        assert repr(finding).startswith("<Finding error empty-branch at ")

    def test_no_name_of_a_model_reaches_a_terminal(self) -> None:
        (finding,) = reslint.check(parsed(DOUBLED))
        assert "\x1b" not in repr(replace(finding, node="\x1b[2J", message="\x1b[2J"))

    def test_an_anatomy_is_a_picture(self) -> None:
        anatomy = reslint.dissect(parsed(SOUND))
        ElementTree.fromstring(anatomy._repr_svg_())
        assert anatomy._repr_html_().endswith("</svg>\n")

    def test_findings_are_a_table(self) -> None:
        findings = reslint.check(parsed(DOUBLED))
        table = ElementTree.fromstring(findings._repr_html_())
        assert [cell.text for cell in table[0]] == ["severity", "rule", "module", "tensor", "message", "help"]
        assert [cell.text for cell in table[1]][:2] == ["error", "empty-branch"]
        (row,) = findings.rows()
        assert (row["rule"], row["severity"], row["confidence"]) == ("empty-branch", "error", "proven")
        assert reslint.check(parsed(SOUND))._repr_html_() == "<p>no findings</p>"

    def test_what_stands_in_a_model_is_no_markup(self) -> None:
        (finding,) = reslint.check(parsed(DOUBLED))
        assert "<b>" not in Findings((replace(finding, message="<b>"),))._repr_html_()
