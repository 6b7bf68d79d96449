"""Every command and every line of Python in the README and in docs/ does what it says."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
ELSEWHERE = {
    "python3 -m venv": "test_ci.py installs reslint anew, and so does CI before it runs these tests",
    "pip install": "needs the network; as above",
    "./check.sh": "runs these tests",
}
"""Commands that are not run here, by how they begin, and why."""


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in these languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", page.read_text(), re.M | re.S)


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, those that go on joined."""
    return [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the fixtures, and with models of its own: a folder, and one file that is called as in examples."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models").mkdir()
    for name in ("models/resnet18.onnx", "models/vit_b_16.onnx"):
        shutil.copy(tmp_path / "fixtures" / Path(name).name, tmp_path / name)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def marked(page: Path, texts: list[str]) -> ParameterSet:
    """A page, with a mark where what it shows needs PyTorch."""
    return pytest.param(page, id=page.name, marks=[pytest.mark.torch] if "torch" in "".join(texts) else [])


@pytest.mark.parametrize("page", [marked(page, commands(page)) for page in PAGES if commands(page)])
def test_commands(page: Path, scratch: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in commands(page):
        if command.startswith(tuple(ELSEWHERE)):
            continue
        ended = subprocess.run(
            ["bash", "-c", command], cwd=scratch, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode in (0, 1), f"{command}\n{ended.stdout}{ended.stderr}"  # 1: there are findings
        assert "Traceback" not in ended.stderr


def test_readme_shows_what_its_first_command_prints(scratch: Path) -> None:
    command = commands(PAGES[0])[2]
    ended = subprocess.run(
        ["bash", "-c", f"{Path(sys.executable).parent}/{command}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    shown = re.findall(r"^    (.*)$", (ROOT / "README.md").read_text(), re.M)[:7]
    assert "error[shortcut-broadcast]" in shown[0]
    assert [line.rstrip() for line in ended.stdout.splitlines()[:7]] == shown


@pytest.mark.parametrize("page", [marked(page, found) for page in PAGES if (found := blocks(page, "python"))])
def test_python(page: Path, scratch: Path) -> None:
    for block in blocks(page, "python"):
        if ">>>" not in block:
            names: dict[str, object] = {}
            exec(compile(block, page.name, "exec"), names)
            tests = [test for name, test in names.items() if name.startswith("test_") and callable(test)]
            for test in tests:
                test()
    assert not doctest.testfile(str(page), module_relative=False).failed
