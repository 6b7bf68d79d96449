"""The PyTorch door: what a module's export for analysis holds, what its findings point at, what its user's errors look like."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
import torch
from conftest import Run
from torchnets import NETS

from reslint.anatomy import Anatomy, dissect
from reslint.anatomy.views.source import module_of, where
from reslint.errors import BadConfiguration, ExportFailed
from reslint.export.capture import How
from reslint.export.dynamic import axis
from reslint.export.exported import Exported, exported
from reslint.export.spec import spec
from reslint.net import from_proto

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of the user's."""
    made = tmp_path_factory.mktemp("project")
    (made / "torchnets_of_a_user.py").write_text(NETS)
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


USER = "torchnets_of_a_user"


@pytest.fixture(scope="module")
def sound(folder: Path) -> Exported:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return exported(spec(f"{USER}:sound"), How(dynamic=(axis("batch"), axis("x:3=wide"))))


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def anatomy(made: Exported) -> Anatomy:
    return dissect(from_proto(made.model))


def line_of(text: str) -> int:
    return next(at for at, line in enumerate(NETS.splitlines(), 1) if text in line)


class TestTheModel:
    def test_it_keeps_its_normalizations(self, sound: Exported) -> None:
        assert Counter(n.op_type for n in sound.model.graph.node)["BatchNormalization"] == 6
        assert [str(block.normalization) for block in anatomy(sound).blocks] == ["branch-end"] * 3

    def test_it_holds_no_weights_and_misses_none(self, sound: Exported) -> None:
        net = anatomy(sound).net
        assert net.unread == ()
        assert not any(t.raw_data for t in sound.model.graph.initializer if t.name.endswith(("weight", "bias")))
        parameters = 8 * 27 + 8 + 6 * (8 * 8 * 9 + 16) + 80 + 10
        assert anatomy(sound).cost.params == parameters

    def test_a_bias_that_the_exporter_made_up_is_none(self, sound: Exported) -> None:
        assert all(len(n.input) == 2 for n in sound.model.graph.node if n.op_type == "Conv" and n.input[0] != "x")

    def test_its_axes_have_names(self, sound: Exported) -> None:
        assert anatomy(sound).net.shape("x") == ("batch", 3, 8, "wide")

    def test_everything_is_read(self, sound: Exported) -> None:
        assert sound.unread == ()

    def test_its_blocks_point_to_the_users_lines(self, sound: Exported) -> None:
        found = [where(block.merge) for block in anatomy(sound).blocks]
        assert [module for module, _ in found] == ["layers.0", "layers.1", "layers.2"]
        assert {(s.file, s.line, s.text) for _, s in found if s} == {
            (f"{USER}.py", line_of("return (x + out)"), "return (x + out).relu()")
        }


def test_torchscript_gives_the_same_blocks_and_modules(project: Path, sound: Exported) -> None:
    made = exported(spec(f"{USER}:sound"), How("torchscript", dynamic=(axis("batch"),)))
    ours, theirs = anatomy(made), anatomy(sound)
    assert [(b.kind, b.normalization, module_of(b.merge)) for b in ours.blocks] == [
        (b.kind, b.normalization, module_of(b.merge)) for b in theirs.blocks
    ]
    assert ours.net.shape("x") == ("batch", 3, 8, 8)
    assert made.unread == ()


def test_a_fake_module_gives_the_same_model(project: Path, sound: Exported) -> None:
    made = exported(spec(f"{USER}:sound", fake=True), How(dynamic=(axis("batch"), axis("x:3=wide"))))
    assert [n.op_type for n in made.model.graph.node] == [n.op_type for n in sound.model.graph.node]
    assert anatomy(made).cost == anatomy(sound).cost


def test_attention_with_a_learned_bias_needs_no_weights(project: Path) -> None:
    made = exported(spec(f"{USER}:biased", fake=True), How("dynamo"))
    assert [(str(b.kind), str(b.normalization)) for b in anatomy(made).blocks] == [("identity", "pre")]
    assert made.unread == ()


class TestFindings:
    def test_they_carry_module_class_and_line(self, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(project)
        ran = run("check", f"{USER}:broken", "--format", "json", "--select", "shortcut-broadcast")
        assert ran.status == 1
        (finding,) = ran.json["findings"]
        assert finding["path"] == f"{USER}:broken"
        assert (finding["module"], finding["class"]) == ("layers.1", f"{USER}.Stretched")
        line = line_of("mean(3, keepdim=True)") + 1
        assert finding["source"] == {"file": f"{USER}.py", "line": line}

    def test_the_text_shows_the_line_of_code(self, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(project)
        ran = run("check", "-v", f"{USER}:sound", f"{USER}:broken", "--select", "shortcut-broadcast")
        assert f"{USER}:sound: ok, 3 residual blocks (3 identity)" in ran.out
        assert f"{USER}:broken: layers.1: error[shortcut-broadcast]" in ran.out
        assert re.search(rf"{USER}\.py:\d+ +return \(x \+ out\)\.relu\(\)", ran.out)


class TestErrors:
    @pytest.mark.parametrize(
        ("factory", "says"),
        [
            ("branching", rf"its path depends on values; at {USER}\.py:\d+: if x\.sum\(\) > 0:; use torch\.cond"),
            (
                "eigen",
                rf"ONNX has no operator for aten\.linalg_eig; at {USER}\.py:\d+: return torch\.linalg\.eigvals\(y\)\.real",
            ),
            ("misshapen", rf"shape '\[3, 5\]' is invalid for input of size 16; at {USER}\.py:\d+: return self\.inner"),
        ],
    )
    def test_they_are_one_line_with_the_users_own_frame(
        self, project: Path, factory: str, says: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(ExportFailed, match=says) as caught:
            exported(spec(f"{USER}:{factory}"), How())
        assert "\n" not in str(caught.value)
        assert capfd.readouterr() == ("", "")  # nor is there anything else, from Python or C++

    @pytest.mark.parametrize(
        ("inputs", "says"),
        [(["1x3x8x8", "2x2"], "too many positional arguments"), (["y=1x3x8x8"], "missing a required argument: 'x'")],
    )
    def test_inputs_that_forward_does_not_take(self, project: Path, inputs: list[str], says: str) -> None:
        with pytest.raises(ExportFailed, match=f"forward can't be called with these inputs: {says}"):
            exported(spec(f"{USER}:sound", inputs), How())

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            (f"{USER}.py", "is Python code; name its module"),
            (f"{USER}.py:sound", f"name a module as Python imports it, such as {USER}:sound"),
            (f"./{USER}.py:sound", f"name a module as Python imports it, such as mypkg.{USER}:sound"),
        ],
    )
    def test_a_python_file_is_told_how_to_name_it(
        self, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, path: str, says: str
    ) -> None:
        monkeypatch.chdir(project)
        ran = run("check", path)
        assert ran.status == 2
        assert says in ran.err

    @pytest.mark.parametrize("text", ["", "3", "x:1", "x:1=", "=1", "tall"])
    def test_an_axis_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(BadConfiguration, match="--dynamic"):
            axis(text)

    def test_an_axis_that_no_input_has(self, project: Path) -> None:
        with pytest.raises(ExportFailed, match=r"--dynamic seq=1 matches no input; the inputs are: x \[1, 3, 8, 8\]"):
            exported(spec(f"{USER}:sound"), How(dynamic=(axis("seq"),)))

    def test_a_pickle_is_refused_with_what_to_do(self, run: Run, here: Path) -> None:
        torch.save({"w": torch.ones(2)}, here / "weights.pt")
        ran = run("check", "weights.pt")
        assert ran.status == 2
        assert "is not unpickled" in ran.err
        assert "torch.export.save" in ran.err


def test_torchscript_takes_over_and_says_why(project: Path) -> None:
    made = exported(spec(f"{USER}:traced"), How())
    (note,) = made.notes
    assert note.startswith("exported with TorchScript, since it can't be exported by dynamo: ")
    assert f"{USER}.py:" in note
    with pytest.raises(ExportFailed, match="no_such"):
        exported(spec(f"{USER}:traced"), How("dynamo"))


def test_a_saved_program_is_checked(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU()).eval()
    torch.export.save(torch.export.export(module, (torch.ones(2, 4),)), "saved.pt2")
    ran = run("check", "saved.pt2")
    assert (ran.status, ran.err) == (0, "")
    assert "1 model, no residual blocks: no findings" in ran.out


class TestNamedModels:
    CONFIG = f"""
    [tool.reslint.models.small]
    factory = "{USER}:sound"
    kwargs = {{ depth = 2 }}
    dynamic = "batch"
    exporter = "torchscript"
    select = ["shortcut"]

    [tool.reslint.models.shipped]
    match = "*.onnx"
    fail-on = "warning"
    """

    @pytest.fixture
    def configured(self, project: Path) -> Iterator[Path]:
        (project / "pyproject.toml").write_text(self.CONFIG)
        yield project
        (project / "pyproject.toml").unlink()

    def test_all_are_checked_without_arguments(
        self, configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(configured)
        ran = run("check")
        assert (ran.status, ran.err) == (0, "")
        assert "1 model, 2 residual blocks (2 identity): no findings" in ran.out

    def test_one_has_settings_of_its_own(self, configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(configured)
        shown = run("check", "--show-settings", "small", "x.onnx").out
        assert '["shortcut"]' in shown
        assert '"design"' in shown  # what is about to be trained

    def test_the_command_line_goes_first(self, configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(configured)
        ran = run("anatomy", "small", "--kwargs", '{"depth": 1}')
        assert "1 residual block " in ran.out
        assert "batch x 3 x 8 x 8" in ran.out

    def test_from_a_folder_below(self, configured: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        (configured / "below").mkdir(exist_ok=True)
        monkeypatch.chdir(configured / "below")
        monkeypatch.setattr(sys, "path", [place for place in sys.path if Path(place) != configured])
        monkeypatch.delitem(sys.modules, USER, raising=False)
        ran = run("check", "small")
        assert (ran.status, ran.err) == (0, "")
        assert "1 model, 2 residual blocks (2 identity): no findings" in ran.out

    @pytest.mark.parametrize(
        ("row", "says"),
        [
            ("dynamic = 'batch'", "needs either `factory`"),
            ("factory = 'a:b'\nmatch = '*'", "needs either `factory`"),
            ("factory = 'a.onnx'", "factory must be module:factory"),
            ("factory = 'a:b'\nfake = 1", "fake must be true or false"),
            ("factory = 'a:b'\nexporter = 'tf'", "exporter must be one of dynamo, torchscript"),
            ("factory = 'a:b'\nmodul = 1", "unknown key"),
        ],
    )
    def test_what_is_wrong_in_one_is_told(self, run: Run, here: Path, row: str, says: str) -> None:
        (here / "reslint.toml").write_text(f"[models.small]\n{row}\n")
        ran = run("check", "small")
        assert ran.status == 2
        assert says in ran.err


def test_a_model_file_needs_no_torch(here: Path) -> None:
    code = (
        "import sys; from reslint.cli import main\ntry: main()\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    )
    fixture = Path(__file__).parents[1] / "fixtures/resnet18.onnx"
    ran = subprocess.run(
        [sys.executable, "-c", code, "check", str(fixture)], capture_output=True, text=True, check=False
    )
    assert ran.stderr.splitlines()[-1] == "False"


def test_models_in_tests_are_sound(sound: Exported) -> None:
    onnx.shape_inference.infer_shapes(sound.model, strict_mode=True)
