"""The action, GitLab's template and the workflows: they are valid, and their shell steps do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import pytest
import yaml

from reslint.version import OWNER, __version__

ROOT = Path(__file__).parents[1]
BROKEN = ROOT / "fixtures" / "resnet50_broken.onnx"
SOUND = ROOT / "fixtures" / "resnet18.onnx"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
INPUTS, GITLAB = yaml.safe_load_all((ROOT / "templates" / "reslint.yml").read_text())


@pytest.mark.tools
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-actions", ["action.yml"]),
        (
            "vendor.github-workflows",
            [".github/workflows/ci.yml", ".github/workflows/docs.yml", ".github/workflows/release.yml"],
        ),
        ("vendor.gitlab-ci", ["templates/reslint.yml"]),
    ],
)
def test_valid(schema: str, files: list[str], tmp_path: Path) -> None:
    for file in files:  # the inputs of GitLab's template are a document of their own, for which there is no schema
        (tmp_path / Path(file).name).write_text((ROOT / file).read_text().rpartition("\n---\n")[2])
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *(Path(f).name for f in files)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Someone's repository, with a sound and a broken model in folders with spaces in their names."""
    (tmp_path / ".git").mkdir()
    for name, model in (("my models/sound.onnx", SOUND), ("my models/broken.onnx", BROKEN), ("good/a.onnx", SOUND)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(model, tmp_path / name)
    return tmp_path


def ran(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A script as a runner runs it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "CI"))}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(shell, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False)


def step(
    number: int, temp: Path, folder: Path, inputs: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A step of the action, with the expressions of its `env` filled in as GitHub does."""
    step = ACTION["runs"]["steps"][number]
    assert step["shell"] == "bash"
    known = {"github.action_path": str(ROOT), "runner.temp": str(temp)}
    known |= {f"inputs.{name}": given.get("default", "") for name, given in ACTION["inputs"].items()}
    known |= {f"inputs.{name}": value for name, value in inputs.items()}
    filled = {
        key: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], text) for key, text in step["env"].items()
    }
    return ran(step["run"], folder, {**filled, **(environment or {})})


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's folder, in which the first step has installed reslint."""
    temp = tmp_path_factory.mktemp("runner")
    ended = step(2, temp, temp, {}, {"PIP_NO_COMPILE": "1"})  # compiling is most of what it takes
    assert ended.returncode == 0, ended.stderr
    return temp


@pytest.mark.wheel
class TestAction:
    def test_finds(self, temp: Path, repository: Path) -> None:
        summary, output = temp / "summary.md", temp / "output"
        ended = step(
            3,
            temp,
            repository,
            {"sarif": "true", "args": "--quiet --select shortcut"},
            {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)},
        )
        assert ended.returncode == 1
        assert "::error file=my models/broken.onnx,line=1,title=reslint%3A shortcut-broadcast::" in ended.stdout
        assert ended.stderr == ""
        assert summary.read_text().startswith("### reslint: 1 error")
        sarif = Path(output.read_text().removeprefix("sarif=").strip())
        assert [r["ruleId"] for r in json.loads(sarif.read_text())["runs"][0]["results"]] == ["shortcut-broadcast"]

    @pytest.mark.parametrize(
        ("inputs", "status"),
        [
            ({"paths": "good"}, 0),
            ({"paths": "my models/*.onnx\ngood\n"}, 1),
            ({"fail-on": "never"}, 0),
            ({"paths": "nowhere"}, 2),
            ({"paths": "good\n; exit 7"}, 2),
            ({"paths": "", "format": "text"}, 2),
        ],
    )
    def test_status(self, temp: Path, repository: Path, inputs: dict[str, str], status: int) -> None:
        assert step(3, temp, repository, inputs, {"GITHUB_OUTPUT": os.devnull}).returncode == status

    def test_inputs_reach_the_shell_as_variables_only(self) -> None:
        assert not any("${{" in step.get("run", "") for step in ACTION["runs"]["steps"])


@pytest.mark.wheel
class TestGitlab:
    def job(self, folder: Path, inputs: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """The job's script, with what pip installs being there already."""
        known = {name: given.get("default", "") for name, given in INPUTS["spec"]["inputs"].items()} | dict(inputs)
        variables = {
            key: re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda found: known[found[1]], text)
            for key, text in GITLAB["reslint"]["variables"].items()
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return ran("\n".join(GITLAB["reslint"]["script"]), folder, {**variables, "PATH": path})

    def test_finds(self, repository: Path) -> None:
        ended = self.job(repository, {"paths": "my models/*.onnx\ngood", "args": "--quiet --select shortcut"})
        assert ended.returncode == 1, ended.stderr
        reports = GITLAB["reslint"]["artifacts"]["reports"]
        (issue,) = json.loads((repository / reports["codequality"]).read_text())
        assert issue["location"] == {"path": "my models/broken.onnx", "lines": {"begin": 1}}
        suites = [suite.get("name") for suite in ElementTree.parse(repository / reports["junit"]).getroot()]
        assert suites == ["good/a.onnx", "my models/broken.onnx", "my models/sound.onnx"]
        assert set(GITLAB["reslint"]["artifacts"]["paths"]) == set(reports.values())

    def test_passes(self, repository: Path) -> None:
        assert self.job(repository, {"fail-on": "never"}).returncode == 0


@pytest.mark.wheel
class TestRelease:
    STEPS: ClassVar = {step["name"]: step["run"] for step in RELEASE["jobs"]["build"]["steps"] if "run" in step}
    PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        """A checkout whose version is no more unreleased."""
        for name in ("reslint", "rules"):
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tmp_path / name)
        changes = (ROOT / "CHANGELOG.md").read_text().replace("## [Unreleased]", f"## [{__version__}]")
        (tmp_path / "CHANGELOG.md").write_text(changes)
        return tmp_path

    def run(self, name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return ran(self.STEPS[name], folder, {"PATH": self.PATH, **environment})

    def test_builds_what_it_checks(self, checkout: Path) -> None:
        for name in ("Build", "Check"):
            ended = self.run(name, checkout)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        assert {file.name for file in (checkout / "dist").iterdir()} == {
            f"reslint-{__version__}-py3-none-any.whl",
            f"reslint-{__version__}.tar.gz",
        }

    def test_a_tag_must_be_the_version(self, checkout: Path) -> None:
        tagged = "The tag is the version, and the changelog has it"
        assert self.run(tagged, checkout, TAG=f"v{__version__}").returncode == 0
        assert "the version" in self.run(tagged, checkout, TAG="v99").stdout
        (checkout / "CHANGELOG.md").write_text("## [Unreleased]\n")
        assert "has no [" in self.run(tagged, checkout, TAG=f"v{__version__}").stdout

    def test_publishes_what_was_checked(self) -> None:
        publish = RELEASE["jobs"]["publish"]
        assert publish["needs"] == "build"
        assert publish["permissions"] == {"id-token": "write"}


def test_actions_are_pinned_by_digest() -> None:
    files = (ROOT / "action.yml", *(ROOT / ".github" / "workflows").glob("*.yml"))
    used = [
        line.split("uses:")[1].strip()
        for file in files
        for line in file.read_text().splitlines()
        if line.lstrip(" -").startswith("uses:")
    ]
    others = [use for use in used if use != "$/"]
    assert len(others) > 10
    assert all(re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in others)


def test_the_owner_stands_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    owner = import_module("owner")
    files = [file for pattern in owner.FILES for file in ROOT.glob(pattern)]
    found = {place for file in files for place in owner.PLACES.findall(file.read_text("utf-8"))}
    assert found == {OWNER}


def test_the_recipe_of_conda_needs_what_the_package_needs() -> None:
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.sub(r"(>=)", r" \1", need) for need in project["dependencies"]}
    assert set(recipe["requirements"]["run"]) == {*wanted, "python >=3.11"}
    assert recipe["context"]["version"] == __version__


def test_the_image_holds_what_the_package_is_built_from() -> None:
    copied = re.findall(r"^COPY (.+?) /source", (ROOT / "Dockerfile").read_text(), re.M)
    names = {name for line in copied for name in line.split()}
    kept = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.M))
    assert names == kept
    assert all((ROOT / name).exists() for name in names)
    assert "USER reslint" in (ROOT / "Dockerfile").read_text()
