"""`reslint init`: what it writes is valid, and what is there stays."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import Run, Write

from reslint.cli.actions import hook
from reslint.cli.commands.init import TEMPLATE
from reslint.config import KEYS, Config, load
from reslint.rules import ALL

EXISTING = """\
default_stages: [pre-commit]
repos:
  # formatting
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: v0.17.6   # kept
    hooks:
      - id: ruff
      - id: reslint-run

# what CI does
ci:
  autofix_prs: false
"""


@pytest.fixture
def repository(here: Path) -> Path:
    (here / ".git").mkdir()
    return here


class TestConfiguration:
    def test_template_changes_nothing(self, repository: Path, run: Run) -> None:
        assert run("init").status == 0
        assert load(None, repository) == Config(folder=repository)

    def test_template_shows_every_key_with_its_default(self, repository: Path) -> None:
        shown = re.sub(r"^# ([a-z-]+ = )", r"\1", TEMPLATE.read_text(), flags=re.M)
        (repository / "reslint.toml").write_text(shown)
        assert set(tomllib.loads(shown)) == {*KEYS, "models"}
        said, default = load(None, repository), Config()
        for key in ("profile", "confidence", "fail_on", "unread", "plain_depth", "deep_post_norm", "depth_over_width"):
            assert getattr(said, key) == getattr(default, key)
        assert (said.costly_shortcut, said.max_ratio) == (default.costly_shortcut, default.max_ratio)
        assert set(said.select) == {rule.family for rule in ALL}

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_added_to_a_pyproject(self, repository: Path, run: Run, newline: str) -> None:
        file = repository / "pyproject.toml"
        there = f'# mine{newline}[project]{newline}name = "x"'.encode()
        file.write_bytes(there)
        ran = run("init")
        assert "pyproject.toml: [tool.reslint] added" in ran.out
        assert file.read_bytes().startswith(there)
        assert file.read_bytes().count(b"\r") in (0, file.read_bytes().count(b"\n"))
        assert tomllib.loads(file.read_text()) == {"project": {"name": "x"}, "tool": {"reslint": {}}}
        assert not (repository / "reslint.toml").exists()

    @pytest.mark.parametrize(
        ("name", "text"), [("reslint.toml", "# empty\n"), ("pyproject.toml", '[tool.reslint]\nignore = ["norm"]\n')]
    )
    def test_what_is_there_stays(self, repository: Path, run: Run, name: str, text: str) -> None:
        (repository / name).write_text(text)
        assert f"{name}: " in run("init").out
        assert (repository / name).read_text() == text

    @pytest.mark.parametrize("text", ["[project", "tool = { black = {} }\n"])
    def test_a_pyproject_that_cannot_be_added_to(self, repository: Path, run: Run, text: str) -> None:
        (repository / "pyproject.toml").write_text(text)
        ran = run("init")
        assert ran.status == 2
        assert ran.err.count("\n") == 1
        assert (repository / "pyproject.toml").read_text() == text

    def test_at_the_top_of_the_repository(self, repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        (repository / "models").mkdir()
        monkeypatch.chdir(repository / "models")
        assert run("init").status == 0
        assert (repository / "reslint.toml").exists()
        assert (repository / ".pre-commit-config.yaml").exists()

    def test_twice(self, repository: Path, run: Run, write: Write) -> None:
        write("models/a.onnx")
        assert "1 model found; to check them: reslint check ." in run("init").out
        before = {file: file.read_text() for file in repository.iterdir() if file.is_file()}
        assert run("init").out.count("stays unchanged") == 2
        assert {file: file.read_text() for file in repository.iterdir() if file.is_file()} == before

    def test_without_a_repository(self, here: Path, run: Run) -> None:
        assert "no pre-commit hook: there is no git repository here" in run("init").out
        assert [file.name for file in here.iterdir()] == ["reslint.toml"]


class TestHook:
    @pytest.mark.precommit
    def test_fresh_is_what_pre_commit_takes(self, repository: Path, run: Run) -> None:
        run("init")
        file = repository / ".pre-commit-config.yaml"
        ended = subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", file], capture_output=True)
        assert (ended.returncode, ended.stdout) == (0, b"")
        (only,) = yaml.safe_load(file.read_text())["repos"]
        assert only["hooks"][0]["id"] == "reslint"

    @pytest.mark.parametrize(
        "text",
        [
            EXISTING,
            EXISTING.replace("\n", "\r\n"),
            EXISTING.partition("\n\n")[0],
            "repos:\n- repo: meta\n  hooks:\n  - id: identity\n",
            "repos: # all\n-   repo: meta\n    hooks:\n    -   id: identity\nfail_fast: true\n",
        ],
    )
    def test_behind_the_others(self, text: str) -> None:
        changed = hook.with_hook(text)
        assert changed is not None
        before, after = yaml.safe_load(text), yaml.safe_load(changed)
        assert after.pop("repos") == [*before.pop("repos"), *yaml.safe_load(hook.FRESH)["repos"]]
        assert after == before
        kept = iter(changed.splitlines())
        assert all(line in kept for line in text.splitlines())  # each in its order

    @pytest.mark.parametrize("text", ["", "repos: []\n", "repos:\n", "fail_fast: true\n", "{repos: [{repo: meta}]}\n"])
    def test_what_is_not_understood_is_left(self, repository: Path, run: Run, text: str) -> None:
        (repository / ".pre-commit-config.yaml").write_text(text)
        ran = run("init")
        assert ran.status == 0
        assert "id: reslint" in ran.out
        assert (repository / ".pre-commit-config.yaml").read_text() == text

    @pytest.mark.parametrize("line", ["- id: reslint", "- {id: 'reslint'}", 'id: "reslint"  # mine'])
    def test_known(self, line: str) -> None:
        assert hook.has_hook(f"repos:\n{line}\n")
        assert not hook.has_hook(f"repos:\n# {line}\n")
        assert not hook.has_hook("- id: reslint-run\n")

    def test_means_models_and_their_data(self) -> None:
        (entry,) = yaml.safe_load(hook.FRESH)["repos"]
        files = re.compile(entry["hooks"][0]["files"])
        assert all(map(files.search, ("a.onnx", "m/a.onnx.data", "a.onnx_data", "a.onnx_data_1")))
        assert not any(map(files.search, ("a.onnx.py", "onnx", "a.onnx.data.txt")))
