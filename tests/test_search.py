"""Which models a command looks at: searching, what is passed by, and which configuration each has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import Run, Write


@pytest.fixture
def tree(here: Path, write: Write) -> Path:
    """A repository with models where people, tools and git leave them."""
    git("init", "-q")
    for path in (
        "m/a.onnx",
        "m/build/b.onnx",
        "env/lib/c.onnx",
        "node_modules/d.onnx",
        "x/site-packages/e.onnx",
        "m/.cache/f.onnx",
        "m/out/g.onnx",
    ):
        write(path)
    (here / "env" / "pyvenv.cfg").write_text("")
    (here / ".gitignore").write_text("out/\n")
    return here


def git(*arguments: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *own, *arguments], check=True, capture_output=True)


def files(run: Run, *arguments: str) -> list[str]:
    ran = run("check", "--show-files", *arguments)
    assert ran.status == 0, ran.err
    return ran.out.splitlines()


@pytest.mark.usefixtures("tree")
class TestSearch:
    def test_what_tools_make_and_git_ignores_is_passed_by(self, run: Run) -> None:
        assert files(run, ".") == ["m/a.onnx"]
        assert files(run, ".", "--no-ignore") == [
            "env/lib/c.onnx",
            "m/.cache/f.onnx",
            "m/a.onnx",
            "m/build/b.onnx",
            "m/out/g.onnx",
            "node_modules/d.onnx",
            "x/site-packages/e.onnx",
        ]

    def test_a_folder_that_is_named_is_searched_whatever_git_says_of_it(self, run: Run) -> None:
        assert files(run, "m/out") == ["m/out/g.onnx"]
        assert files(run, "m/build") == ["m/build/b.onnx"]
        assert files(run, "m/out/g.onnx") == ["m/out/g.onnx"]

    def test_the_innermost_gitignore_counts(self, run: Run, tree: Path) -> None:
        (tree / ".gitignore").write_text("*.onnx\n")
        ran = run("check", ".")
        assert ran.status == 2
        assert ran.err == (
            ".: error: all 7 models here are ignored by git, or created or installed by a tool; --no-ignore includes them\n"
        )
        (tree / "m" / ".gitignore").write_text("!a.onnx\n")
        assert files(run, ".") == ["m/a.onnx"]

    def test_exclude(self, run: Run) -> None:
        assert files(run, ".", "--no-ignore", "--exclude", "m", "--exclude", "*-packages") == [
            "env/lib/c.onnx",
            "node_modules/d.onnx",
        ]
        ran = run("check", "m", "--exclude", "*.onnx")
        assert (ran.status, ran.err) == (2, "m: error: all 4 models here are excluded by --exclude\n")


def test_a_folder_that_cannot_be_listed(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("m/a.onnx")
    write("m/locked/b.onnx")
    real = os.scandir

    def refusing(path: str = ".") -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", refusing)
    ran = run("check", "m")
    assert ran.status == 2
    assert ran.err == "m/locked: error: can't be searched: Permission denied\n"
    assert ran.out.startswith("2 models, 1 residual block ")


class TestChangedOnly:
    def test_what_is_not_committed(self, tree: Path, run: Run, write: Write) -> None:
        git("add", ".")
        git("commit", "-qm", "all")
        ran = run("check", ".", "--changed-only")
        assert (ran.status, ran.out, ran.err) == (0, "", "--changed-only: note: no model has changed\n")
        write("m/new.onnx")
        assert files(run, ".", "--changed-only") == ["m/new.onnx"]
        (tree / "m" / "a.onnx.data").write_bytes(b"x")
        assert files(run, ".", "--changed-only") == ["m/a.onnx", "m/new.onnx"]

    @pytest.mark.usefixtures("tree")
    def test_since_a_branch(self, run: Run, write: Write) -> None:
        git("add", ".")
        git("commit", "-qm", "all")
        git("branch", "base")
        write("m/new.onnx")
        git("add", ".")
        git("commit", "-qm", "new")
        assert files(run, ".", "--changed-only") == []
        assert files(run, ".", "--changed-only", "--base-ref", "base") == ["m/new.onnx"]
        ran = run("check", ".", "--changed-only", "--base-ref", "nowhere")
        assert (ran.status, ran.err) == (2, "error: --changed-only: Not a valid object name nowhere\n")

    def test_alone_it_makes_no_sense(self, run: Run) -> None:
        assert "--base-ref needs --changed-only" in run("check", ".", "--base-ref", "main").err


class TestNearestConfiguration:
    DOUBLED = "agraph (float[1, 8] x) => (float[1, 8] y) { f = Relu (x) y = Add (f, f) }"

    def test_each_model_has_its_own(self, run: Run, write: Write, here: Path) -> None:
        for path in ("a/m.onnx", "b/m.onnx", "c/m.onnx"):
            write(path, self.DOUBLED)
        (here / "reslint.toml").write_text('severity = {empty-branch = "warning"}')
        (here / "b" / "reslint.toml").write_text('ignore = ["empty-branch"]')
        (here / "c" / "pyproject.toml").write_text('[tool.reslint]\nfail-on = "error"\n')
        found = run("check", ".", "--format", "json")
        assert [(f["path"], f["severity"]) for f in found.json["findings"]] == [
            ("a/m.onnx", "warning"),
            ("c/m.onnx", "error"),
        ]
        assert found.status == 1
        again = run("check", ".", "--format", "json")  # from the cache
        assert again.json["findings"] == found.json["findings"]

    def test_a_given_file_is_everyones(self, run: Run, write: Write, here: Path) -> None:
        write("a/m.onnx", self.DOUBLED)
        (here / "a" / "reslint.toml").write_text('ignore = ["empty-branch"]')
        (here / "ci.toml").write_text("")
        assert run("check", ".").status == 0
        assert run("check", ".", "--config", "ci.toml").status == 1

    def test_a_broken_one_is_told(self, run: Run, write: Write, here: Path) -> None:
        write("a/m.onnx")
        (here / "a" / "reslint.toml").write_text('\nfail-on = "often"')
        ran = run("check", ".")
        assert ran.status == 2
        assert "reslint.toml:2: fail-on must be one of" in ran.err


def test_globs_that_fit_nothing_are_told(run: Run, write: Write, here: Path) -> None:
    write("a/m.onnx")
    (here / "reslint.toml").write_text(
        'exclude = ["b/*"]\nbudget = [{match = "c*", params = 9}]\nlatency = [{match = "a/*", p50-ms = 1}]\n'
    )
    lines = [line.partition(": ")[2] for line in run("check", ".").err.splitlines()]
    assert lines == ["note: exclude 'b/*' matches no model", "note: budget.match 'c*' matches no model"]
    assert run("check", "a/m.onnx").err == ""
