"""Specs and the modules that they mean; what is wrong with a user's code is told with the user's own line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from reslint.errors import BadConfiguration, ExportFailed
from reslint.export.load import loaded
from reslint.export.spec import Given, is_spec, spec

pytestmark = pytest.mark.torch

NETS = dedent("""
    import warnings

    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            if width > 100:
                raise ValueError("too wide")
            self.inner = nn.Linear(width, width)
            nn.init.trunc_normal_(self.inner.weight, std=0.02)
            self.tied = self.inner
            self.register_buffer("scale", torch.ones(width))

        def forward(self, x, mask=None):
            return x + self.inner(x) * self.scale


    def bare():
        print("a word on standard output")
        return Net()


    def with_args():
        return Net(), (torch.ones(2, 4),)


    def with_kwargs():
        return Net(), (torch.ones(2, 4),), {"mask": torch.ones(2)}


    def empty():
        with torch.device("meta"):
            return Net()


    def number():
        return 3


    def leaves():
        raise SystemExit("enough")


    made = Net()


    def compiled():
        with warnings.catch_warnings(action="ignore"):
            return torch.jit.trace(nn.Linear(4, 4), torch.ones(2, 4))
""")


@pytest.fixture
def nets(here: Path) -> Iterator[str]:
    """A module of the user's in the current folder, forgotten afterwards."""
    before = set(sys.modules)
    (here / "somenets.py").write_text(NETS)
    (here / "unmet.py").write_text("x = 1\nimport not_installed_anywhere\n")
    (here / "unparsed.py").write_text("def build(:\n")
    path = [*sys.path]
    yield "somenets"
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name in ("somenets", "unmet", "unparsed"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1x3x8x8", Given("", (1, 3, 8, 8))),
        ("x=1x3:float16", Given("x", (1, 3), "float16")),
        ("step=:int64", Given("step", (), "int64")),
        ("ids = 1x128 : int64", Given("ids", (1, 128), "int64")),
    ],
)
def test_an_input_is_read(text: str, expected: Given) -> None:
    assert spec("m:f", [text]).inputs == (expected,)


@pytest.mark.parametrize("text", ["", "x=", "1x", "1x3:float", "1,3", "x=1x3=2", "-1x3"])
def test_an_input_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="--input"):
        spec("m:f", [text])


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_keywords_are_an_object(text: str) -> None:
    with pytest.raises(BadConfiguration, match="--kwargs"):
        spec("m:f", kwargs=text)


def test_what_is_a_spec() -> None:
    assert all(is_spec(text) for text in ("m:f", "a.b_c:D.e", "x/y.pt2"))
    assert not any(is_spec(text) for text in ("model.onnx", "C:\\models\\x.onnx", "a/b:c", "m:", ":f", "m:f:g", "x.pt"))


@pytest.mark.parametrize(
    ("factory", "inputs", "args", "kwargs"),
    [
        ("bare", ["3x4"], [(3, 4)], {}),
        ("bare", ["x=3x4"], [], {"x": (3, 4)}),
        ("Net", ["3x4", "mask=3:bool"], [(3, 4)], {"mask": (3,)}),
        ("with_args", [], [(2, 4)], {}),
        ("with_args", ["5x4"], [(5, 4)], {}),
        ("with_kwargs", [], [(2, 4)], {"mask": (2,)}),
        ("made", ["1x4"], [(1, 4)], {}),
    ],
)
def test_what_a_factory_may_return(
    nets: str, factory: str, inputs: list[str], args: list[object], kwargs: dict[str, object]
) -> None:
    found = loaded(spec(f"{nets}:{factory}", inputs))
    assert type(found.module).__name__ == "Net"
    assert not found.module.training
    assert [tuple(getattr(a, "shape", ())) for a in found.args] == args
    assert {name: tuple(getattr(a, "shape", ())) for name, a in found.kwargs.items()} == kwargs


def test_what_the_users_code_prints_is_no_result(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(spec(f"{nets}:bare", ["1x4"]))
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "a word on standard output\n")


def test_a_seed_makes_the_same_module_again(nets: str) -> None:
    once, again, other = (loaded(spec(f"{nets}:bare", ["1x4"]), seed) for seed in (3, 3, 4))
    weights = [found.module.state_dict()["inner.weight"] for found in (once, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(("factory", "fake"), [("empty", False), ("bare", True)])
def test_a_module_without_weights_pretends_to_have_some(nets: str, factory: str, fake: bool) -> None:
    found = loaded(spec(f"{nets}:{factory}", ["2x4"], fake=fake))
    assert found.fake is not None
    weight = found.module.get_parameter("inner.weight")
    assert weight.device == torch.device("cpu")
    assert weight is found.module.get_parameter("tied.weight")
    with found.fake:
        assert found.module(*found.args).shape == (2, 4)


@pytest.mark.parametrize(
    ("target", "kwargs", "says"),
    [
        ("nowhere_to_be_found:f", "", "no module is called 'nowhere_to_be_found'; run reslint in"),
        ("unmet:f", "", "unmet can't be imported: ModuleNotFoundError: No module named 'not_installed_anywhere'; at unmet.py"),
        ("unparsed:f", "", "SyntaxError: invalid syntax (unparsed.py, line 1); at unparsed.py:1: def build(:"),
        ("somenets:nothing", "", "somenets has no 'nothing'"),
        ("somenets:number", "", "returns an object of type int, but must return a torch.nn.Module"),
        ("somenets:compiled", "", "somenets:compiled returns a compiled TorchScript module"),
        ("somenets:bare", "", "needs an example of its inputs (x): give --input"),
        ("somenets:Net", '{"wide": 1}', "got an unexpected keyword argument 'wide'"),
        ("somenets:Net", '{"width": 101}', 'ValueError: too wide; at somenets.py:12: raise ValueError("too wide")'),
        ("somenets:made", '{"width": 8}', "is a Net, not a factory"),
        ("somenets:leaves", "", 'SystemExit: enough; at somenets.py:45: raise SystemExit("enough")'),
        ("gone.pt2", "", "no such file"),
        ("somenets.pt2", "", "is not an archive of torch.export.save"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_with_the_users_own_frame(nets: str, target: str, kwargs: str, says: str) -> None:
    Path("somenets.pt2").write_bytes(b"no archive")
    with pytest.raises(ExportFailed) as caught:
        loaded(spec(target, kwargs=kwargs))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_saved_program_is_loaded_and_a_pickled_one_is_not(here: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 4))
    program = torch.export.export(module, (torch.ones(2, 4),))
    torch.export.save(program, here / "sound.pt2")
    found = loaded(spec("sound.pt2"))
    assert found.program is not None
    assert torch.equal(found.module(*found.args), module(torch.ones(2, 4)))
    with pytest.raises(ExportFailed, match="--kwargs"):
        loaded(spec("sound.pt2", kwargs='{"a": 1}'))
    with pytest.raises(ExportFailed, match="--input"):
        loaded(spec("sound.pt2", ["1x4"]))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m/data/aotinductor/model/x.so", "", "compiled code"),
        ("m/data/constants/custom_obj_0", "", "pickled objects"),
        ("m/data/weights/model_weights_config.json", '{"config": {"w": {"use_pickle": true}}}', "pickled tensors"),
    ],
)
def test_what_could_run_code_is_refused(here: Path, name: str, content: str, says: str) -> None:
    import zipfile

    with zipfile.ZipFile(here / "odd.pt2", "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(ExportFailed, match=says):
        loaded(spec("odd.pt2"))
