"""The package: what the wheel carries, what starting costs, and what stands in more than one place."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("onnx", "networkx", "numpy", "rich", "torch", "onnxruntime", "google", "junitparser", "jinja2")


def imported(*arguments: str) -> set[str]:
    """The packages that a command of reslint imports."""
    command = [sys.executable, "-X", "importtime", "-m", "reslint", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in ended.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("check", "--help"), ("anatomy", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    found = imported(*arguments)
    assert "click" in found
    assert found.isdisjoint(HEAVY)


@pytest.mark.parametrize("typed", ["explain short", "check --select short"])
def test_completion_imports_nothing_heavy(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("_RESLINT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"reslint {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    assert imported().isdisjoint(HEAVY)


def test_check_imports_only_what_it_needs(tmp_path: Path) -> None:
    import onnx
    from conftest import SOUND, parsed

    onnx.save(parsed(SOUND), tmp_path / "a.onnx")
    found = imported("check", "--fail-on", "never", str(tmp_path))
    assert "onnx" in found
    assert found.isdisjoint({"torch", "onnxruntime", "rich", "junitparser", "networkx"})


def test_import_of_the_package_is_free() -> None:
    says = "import sys, reslint; print(sorted(m for m in sys.modules if m.split('.')[0] in ('onnx', 'numpy', 'click')))"
    assert subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_public_names() -> None:
    import reslint

    assert all(getattr(reslint, name) for name in reslint.__all__)
    assert dir(reslint) == reslint.__all__
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        reslint.chekc  # noqa: B018


@pytest.mark.wheel
def test_wheel_carries_the_pages_and_the_types(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    pages = {f"reslint/pages/{page.name}" for page in (ROOT / "rules").glob("*.md")}
    assert pages <= names
    assert {"reslint/py.typed", "reslint/__main__.py"} <= names
    parts = [part for part in (ROOT / "reslint/report/html").iterdir() if part.suffix in (".html", ".css", ".js")]
    assert parts
    assert {f"reslint/report/html/{part.name}" for part in parts} <= names
    assert not any(name.startswith(("tests/", "fixtures/", "rules/")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_base_needs_no_torch_and_no_runtime() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(re.match(r"[\w-]+", d)[0] for d in project["dependencies"]) == [  # type: ignore[index]
        "click",
        "jinja2",
        "junitparser",
        "networkx",
        "numpy",
        "onnx",
        "pathspec",
        "rich",
    ]


def test_ci_runs_the_readme() -> None:
    """The first two blocks of the README are its promises; CI takes the second one from there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert "pip install ." in blocks[0]
    assert "fixtures/resnet50.onnx" in blocks[0]
    assert "./check.sh" in blocks[1]
    extract = (ROOT / ".ci" / "run").read_text().split("$(")[-1].split(" README.md)")[0]
    taken = subprocess.run(["bash", "-c", f"{extract} README.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert taken.stdout == blocks[1]


def test_the_whole_configuration_is_documented(tmp_path: Path) -> None:
    from reslint.config import KEYS, load

    block = "".join(re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs" / "configuration.md").read_text(), re.M | re.S))
    file = tmp_path / "pyproject.toml"
    file.write_text(block)
    assert load(None, tmp_path).target == "tensorrt"
    assert set(tomllib.loads(block)["tool"]["reslint"]) == {*KEYS, "models"}


def test_what_needs_torch_says_so() -> None:
    """The core tests run without PyTorch: files that import it are marked as a whole, so that they are left out."""
    for file in (ROOT / "tests").glob("test_*.py"):
        text = file.read_text("utf-8")
        imports = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
        needs = any(re.match(r"(import|from) (torch|flow_nets)\b", ast.unparse(node)) for node in imports)
        assert not needs or "\npytestmark = pytest.mark.torch\n" in text, file.name
