"""What a model's own tests can hold: invariants, and `pytest --reslint`."""

from __future__ import annotations

import doctest
import re
import shutil
from importlib.metadata import entry_points
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Write, parsed

from reslint import testing
from reslint.errors import BadConfiguration, UnreadableModel
from reslint.testing import Invariants, assert_architecture, assert_clean

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


class TestArchitecture:
    def test_examples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)
        assert doctest.testmod(testing) == (0, 4)

    @pytest.mark.parametrize(
        "holds",
        [
            {"blocks": 24, "normalization": "pre", "max_params": 90e6},
            {"signature": "12 x [pre attn, pre mlp], final-norm", "max_macs": 17.6e9},
            {"kinds": {"identity": 24, "projection": 0}, "max_depth": 100},
        ],
    )
    def test_holds(self, holds: Invariants) -> None:
        assert_architecture(FIXTURES / "vit_b_16.onnx", **holds)

    @pytest.mark.parametrize(
        ("broken", "says"),
        [
            ({"blocks": 16}, "blocks: 16 expected, but there are 24 (24 identity)"),
            ({"kinds": {"projection": 1}}, "kinds: 1 projection expected, but there are 24 identity"),
            ({"normalization": "post"}, "normalization: post expected, but 24 pre at "),
            ({"max_depth": 10}, "max_depth: at most 10 expected, but the longest path has "),
            ({"max_params": 1e6}, "max_params: at most 1,000,000 expected, but there are 86,"),
            ({"max_macs": 1e9}, "max_macs: at most 1,000,000,000 expected, but there are 17,5"),
            (
                {"signature": "11 x [pre attn, pre mlp], final-norm"},
                "vit_b_16.onnx: encoder.layers.encoder_layer_11: error[skeleton-differs] ",
            ),
        ],
    )
    def test_broken(self, broken: Invariants, says: str) -> None:
        with pytest.raises(AssertionError, match=re.escape(says)):
            assert_architecture(FIXTURES / "vit_b_16.onnx", **broken)

    def test_all_that_is_broken_is_told(self) -> None:
        with pytest.raises(AssertionError) as told:
            assert_architecture(parsed(SOUND), blocks=2, normalization="pre", max_params=1)
        assert [line.partition(":")[0] for line in str(told.value).splitlines() if line[0] != " "] == [
            "model.onnx does not meet its expectations",
            "blocks",
            "normalization",
            "max_params",
        ]

    def test_what_is_taken_as_one_is_told(self) -> None:
        model = FIXTURES / "gpt2_dyn.onnx"
        with pytest.raises(AssertionError, match=r"max_macs: .*, with .+ taken as 1$"):
            assert_architecture(model, max_macs=1)

    def test_what_is_not_counted_is_not_small(self) -> None:
        text = '<ir_version: 8, opset_import: ["": 17, "com.acme": 1]> agraph (float[8] x) => (float[8] y) {'
        model = onnx.parser.parse_model(f"{text} f = com.acme.Fast (x) y = Add (x, f) }}")
        with pytest.raises(
            AssertionError, match=r"max_macs: can't be checked, since the MACs of com\.acme\.Fast are unknown"
        ):
            assert_architecture(model, max_macs=1e12)

    @pytest.mark.parametrize("wrong", [{"normalization": "prenorm"}, {"kinds": {"residual": 1}}])
    def test_misspelled(self, wrong: Invariants) -> None:
        with pytest.raises(BadConfiguration, match="must be one of"):
            assert_architecture(parsed(SOUND), **wrong)


class TestClean:
    def test_message_shows_the_findings(self) -> None:
        with pytest.raises(AssertionError, match=r"layer3\.4: error\[shortcut-broadcast\]") as told:
            assert_clean(FIXTURES / "resnet50_broken.onnx", blocks=2)
        assert "blocks: 2 expected" in str(told.value)
        assert "shortcut   [1, 1024, 14, 14]" in str(told.value)

    def test_fails_as_the_command_line(self, write: Write, here: Path) -> None:
        model = write("a.onnx", SOUND.replace("Add (x, h)", "Add (h, h)"))
        with pytest.raises(AssertionError, match=r"error\[empty-branch\]"):
            assert_clean(model)
        assert_clean(model, fail_on="never")
        assert_clean(model, select=["norm"])
        (here / "reslint.toml").write_text('fail-on = "never"\n[[models]]\nmatch = "b.onnx"\nfail-on = "error"\n')
        assert_clean(model)
        with pytest.raises(AssertionError):
            assert_clean(shutil.copy(model, here / "b.onnx"))
        with pytest.raises(BadConfiguration, match="fail_on must be one of"):
            assert_clean(model, fail_on="errors")

    @pytest.mark.torch
    def test_a_module_as_it_is_designed(self, here: Path) -> None:
        import torch
        from flow_nets import Affine

        module, inputs = Affine(), [torch.randn(2, 8)]
        with pytest.raises(AssertionError, match=r"(?s)blocks: 2 expected.*note\[affine-branch\]"):
            assert_clean(module, inputs, select=["shortcut"], fail_on="note", blocks=2)
        (here / "reslint.toml").write_text('profile = "ship"\n')
        assert_clean(module, inputs, select=["shortcut"], fail_on="note")

    def test_what_cannot_be_read_is_no_failed_assertion(self, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        with pytest.raises(UnreadableModel):
            assert_clean("a.onnx")


class TestPlugin:
    @pytest.fixture(autouse=True)
    def models(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")  # slow to begin, and of no use here
        onnx.save(parsed(SOUND), pytester.path / "sound.onnx")
        onnx.save(parsed(SOUND.replace("Add (x, h)", "Add (h, h)")), pytester.path / "broken.onnx")
        (pytester.path / "pointer.onnx").write_text(POINTER)

    def test_is_found_by_pytest(self) -> None:
        (plugin,) = entry_points(group="pytest11", name="reslint")
        assert plugin.value == "reslint.plugin"

    def test_collects_models(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile("def test_other(): pass")
        ran = pytester.runpytest("--reslint")
        ran.assert_outcomes(passed=2, failed=2)
        ran.stdout.fnmatch_lines(["broken.onnx: y: error[[]empty-branch[]]*", "*pointer.onnx: is a git LFS*"])
        assert "Traceback" not in ran.stdout.str()

    def test_obeys_the_configuration(self, pytester: pytest.Pytester) -> None:
        pytester.makepyprojecttoml('[tool.reslint]\nunread = "note"\nexclude = ["bro*", "oth*"]\n')
        shutil.copy("broken.onnx", "other.onnx")
        pytester.runpytest("--reslint", ".", "other.onnx").assert_outcomes(passed=1, skipped=1, failed=1)

    def test_assertions_are_short(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            from reslint.testing import assert_clean

            def test_model():
                assert_clean("broken.onnx", blocks=16)
            """
        )
        ran = pytester.runpytest()
        ran.assert_outcomes(failed=1)  # the models are left alone
        ran.stdout.fnmatch_lines(
            ["E*AssertionError: broken.onnx does not meet its expectations", "E*blocks: 16 expected*"]
        )
        ran.stdout.no_fnmatch_line("*testing.py*")
