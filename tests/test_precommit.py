"""The hook, run by the real pre-commit on a repository with a sound model, a broken one, and one that is not fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, parsed

ROOT = Path(__file__).parents[1]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
CONFIG = """
repos:
  - repo: {hooks}
    rev: {rev}
    hooks:
      - id: reslint
      - id: reslint-run
"""

pytestmark = [pytest.mark.precommit, pytest.mark.skipif(not shutil.which("git"), reason="pre-commit needs git")]


class Scratch:
    """A scratch repository whose commits the hook guards."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def git(self, *arguments: str) -> str:
        ended = self.run("git", *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def commit(self) -> subprocess.CompletedProcess[str]:
        self.git("add", "--all")
        return self.run("git", "commit", "--message", "models")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nothing of the caller's git and pre-commit, which may run these tests themselves."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PRE_COMMIT"))}
    return {
        **kept,
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PIP_NO_COMPILE": "1",  # compiling is most of what an installation takes
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "reslint" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Scratch:
    """A repository with this checkout as its only commit, as pre-commit would fetch it."""
    copy = Scratch(tmp_path_factory.mktemp("hooks"), environment)
    for name in ("reslint", "rules"):
        shutil.copytree(ROOT / name, copy.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, copy.folder / name)
    copy.git("init", "--quiet")
    copy.commit()
    return copy


@pytest.fixture
def scratch(tmp_path: Path, hooks: Scratch, environment: dict[str, str]) -> Scratch:
    repository = Scratch(tmp_path, environment)
    repository.git("init", "--quiet")
    config = CONFIG.format(hooks=hooks.folder.as_uri(), rev=hooks.git("rev-parse", "HEAD"))
    (tmp_path / ".pre-commit-config.yaml").write_text(config)
    installed = repository.run(sys.executable, "-m", "pre_commit", "install")
    assert installed.returncode == 0, installed.stderr
    return repository


def test_sound_models_are_committed(scratch: Scratch) -> None:
    onnx.save(parsed(SOUND), scratch.folder / "sound.onnx")
    (scratch.folder / "notes.txt").write_text("no model")
    ended = scratch.commit()
    assert ended.returncode == 0, ended.stderr
    assert "Passed" in ended.stderr


def test_models_that_are_not_fetched_are_committed(scratch: Scratch) -> None:
    onnx.save(parsed(SOUND), scratch.folder / "half.onnx", save_as_external_data=True, location="half.onnx.data")
    for name in ("pointer.onnx", "pointer.onnx.data", "half.onnx.data"):
        (scratch.folder / name).write_text(POINTER)
    ended = scratch.commit()
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("Passed") == 1


def test_external_data_checks_its_owner(scratch: Scratch) -> None:
    shutil.copy(ROOT / "fixtures" / "resnet50_broken.onnx", scratch.folder / "broken.onnx")
    scratch.git("add", "--all")
    scratch.git("commit", "--no-verify", "--message", "before there was a hook")
    (scratch.folder / "broken.onnx.data").write_bytes(b"weights")
    ended = scratch.commit()
    assert ended.returncode == 1
    assert "broken.onnx: layer3.4: error[shortcut-broadcast]" in ended.stderr


def test_models_are_run_when_asked(scratch: Scratch) -> None:
    onnx.save(parsed(SOUND), scratch.folder / "sound.onnx")
    scratch.git("add", "--all")
    command = (sys.executable, "-m", "pre_commit", "run", "--hook-stage", "manual", "--verbose", "reslint-run")
    ended = scratch.run(*command, "--all-files")
    assert ended.returncode == 0, ended.stdout
    assert "sound.onnx: ok" in ended.stdout


def test_broken_models_are_held_back(scratch: Scratch) -> None:
    onnx.save(parsed(SOUND), scratch.folder / "sound.onnx")
    shutil.copy(ROOT / "fixtures" / "resnet50_broken.onnx", scratch.folder / "broken.onnx")
    (scratch.folder / "pointer.onnx").write_text(POINTER)
    ended = scratch.commit()
    assert ended.returncode == 1
    assert "3 models, 17 residual blocks" in ended.stderr
    assert "broken.onnx: layer3.4: error[shortcut-broadcast]" in ended.stderr
    assert "pointer.onnx: note: is a git LFS pointer" in ended.stderr


def test_damaged_models_are_held_back(scratch: Scratch) -> None:
    (scratch.folder / "empty.onnx").write_bytes(b"")
    ended = scratch.commit()
    assert ended.returncode == 1
    assert "empty.onnx: error: is empty" in ended.stderr


def test_the_hook_of_init_runs_what_is_installed(tmp_path: Path, environment: dict[str, str]) -> None:
    installed = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    repository = Scratch(tmp_path, {**environment, "PATH": installed})
    repository.git("init", "--quiet")
    shutil.copy(ROOT / "fixtures" / "resnet50_broken.onnx", tmp_path / "broken.onnx")
    assert repository.run("reslint", "init").returncode == 0
    repository.git("add", "--all")
    ended = repository.run(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert ended.returncode == 1
    assert "broken.onnx: layer3.4: error[shortcut-broadcast]" in ended.stdout
