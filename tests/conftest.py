"""What the tests of the command line share: models from ONNX text, and a run of reslint inside this interpreter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from pages import weigh

from reslint.cli import main

SOUND = """
agraph (float[1, 8, 4, 4] x) => (float[1, 8, 4, 4] y)
<float[8, 8, 3, 3] w, float[8, 8, 3, 3] v>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    g = Relu (f)
    h = Conv <pads = [1, 1, 1, 1]> (g, v)
    y = Add (x, h)
}
"""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads(self.out)
        return found


Run = Callable[..., Ran]
Write = Callable[..., Path]


def parsed(graph: str) -> onnx.ModelProto:
    """A checked model of a graph in ONNX text; each declared tensor that no node makes is a weight."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>{graph}')
    weigh(model.graph)
    onnx.checker.check_model(model)
    return model


@pytest.fixture(autouse=True)
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """matplotlib draws into files only."""
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test remembers for itself only."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RESLINT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with no configuration above it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here: Path) -> Write:
    """Write a model file by its graph in ONNX text."""

    def written(name: str, graph: str = SOUND) -> Path:
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(parsed(graph), path)
        return path

    return written


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run reslint as a shell would, and tell its exit status and its two streams."""

    def ran(*arguments: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["reslint", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        streams = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Ran(stop.value.code, streams.out, streams.err)

    return ran


_MARKS = ("torch", "browser", "wheel", "precommit", "tools", "remote", "fleet")
_WHOLE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.(torch|browser|precommit|remote|fleet)\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files that have no core test where only those are asked for: what they import need not be there."""
    only = config.option.markexpr == "core" and collection_path.suffix == ".py"
    return True if only and _WHOLE.search(collection_path.read_text("utf-8")) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what has no mark of its own as a core test."""
    for item in items:
        if not any(item.get_closest_marker(name) for name in _MARKS):
            item.add_marker("core")
