"""Rules of a project's own, from modules that the configuration names and from installed packages."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SOUND, Run, Write

import reslint
from reslint.cache import Cache, stamps
from reslint.config import load
from reslint.errors import BadConfiguration, RuleFailed
from reslint.own import places
from reslint.result import Looked

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "own-rules.md").read_text()
HEAD = """
from dataclasses import dataclass
from reslint import Confidence, Severity
from reslint.anatomy import Anatomy
from reslint.rules import Draft, Pass, Settings, rule
from collections.abc import Iterator
"""
RULE = """
@rule("{name}", "house", Severity.WARNING, Confidence.LIKELY)
def check(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    \"\"\"Every block is told.

    More on it.
    \"\"\"
    for block in anatomy.blocks:
        yield Draft(block.merge, block.net, message="a block of ours", help="leave it", evidence={{"depth": block.depth}})
"""

Own = Callable[..., str]


@pytest.fixture
def own(here: Path, write: Write, request: pytest.FixtureRequest) -> Own:
    """Write a module of rules, name it in the configuration, and tell its name; there is a model with one block."""
    write("a.onnx")

    def made(text: str, more: str = "", name: str = "") -> str:
        module = name or f"own_{re.sub(r'[^a-z0-9]', '_', request.node.name.lower())}"
        file = here / f"{module.replace('.', '/')}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(HEAD + text)
        (here / "reslint.toml").write_text(f'rules = ["{module}"]\n{more}')
        return module

    return made


def rule(name: str = "told-block") -> str:
    return RULE.format(name=name)


class TestLikeOurs:
    COUNTED = """
import os

@dataclass(frozen=True)
class Words:
    word: str = ""

@rule("counted", "house", Severity.NOTE, Confidence.LIKELY, options=Words)
def check(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    \"\"\"The process is told.\"\"\"
    for block in anatomy.blocks:
        yield Draft(block.merge, block.net, message=f"{os.getpid()} {settings.of(Words).word}", help="", evidence={})
"""

    def test_finds_in_every_format(self, own: Own, run: Run) -> None:
        own(rule())
        ran = run("check", "a.onnx", "--fail-on", "warning")
        assert ran.status == 1
        assert "warning[told-block] a block of ours" in ran.out
        for style in ("json", "sarif", "github", "gitlab", "junit", "markdown", "html"):
            assert "told-block" in run("check", "a.onnx", "--format", style).out, style
        (finding,) = run("check", "a.onnx", "--format", "json").json["findings"]
        assert (finding["family"], finding["severity"], finding["evidence"]) == ("house", "warning", {"depth": 2})
        assert finding["fingerprint"]

    def test_is_selected_ignored_graded_and_allowed(self, own: Own, run: Run) -> None:
        own(rule(), '[severity]\ntold-block = "error"\n')
        assert run("check", "a.onnx").status == 1
        assert run("check", "a.onnx", "--select", "house").status == 1
        assert run("check", "a.onnx", "--select", "told-block").status == 1
        assert run("check", "a.onnx", "--ignore", "told-block").status == 0
        assert "did you mean 'told-block'?" in run("check", "a.onnx", "--select", "told-blok").err
        own(rule(), '[[allow]]\nrule = "told-block"\nreason = "known"\n')
        assert run("check", "a.onnx", "--fail-on", "warning").status == 0

    def test_a_baseline_knows_it(self, own: Own, run: Run) -> None:
        own(rule())
        assert run("check", "a.onnx", "--write-baseline", "known.json").status == 0
        assert run("check", "a.onnx", "--baseline", "known.json", "--fail-on", "note").status == 0

    def test_is_listed_and_explained(self, own: Own, run: Run, here: Path) -> None:
        module = own(rule())
        assert "told-block" in run("rules").out
        listed = json.loads(run("rules", "--format", "json").out)
        assert (listed[-1]["name"], listed[-1]["origin"], listed[0]["origin"]) == ("told-block", module, "reslint")
        assert "More on it." in run("explain", "told-block", "--format", "markdown").out
        assert run("explain", "told-blok").status == 2

    def test_its_page_lies_beside_it(self, own: Own, run: Run, here: Path) -> None:
        own(rule())
        (here / "told-block.md").write_text("# told-block\n\nWhy we tell.\n")
        assert "Why we tell." in run("explain", "told-block", "--format", "markdown").out

    def test_near_misses(self, own: Own, run: Run) -> None:
        body = '        yield Pass(block.merge, block.net, "so near")\n'
        own(re.sub(r"        yield Draft.*\n", body, rule()).replace("Iterator[Draft]", "Iterator[Draft | Pass]"))
        assert "so near" in run("check", "a.onnx", "--explain-passes", "told-block").out

    def test_python_sees_it_with_the_configuration(self, own: Own, here: Path) -> None:
        own(rule())
        found = reslint.check("a.onnx", config=load(None, here))
        assert [finding.rule for finding in found if finding.family == "house"] == ["told-block"]
        assert not any(finding.family == "house" for finding in reslint.check("a.onnx"))

    def test_no_link_leads_to_a_page_that_is_elsewhere(self, own: Own, run: Run) -> None:
        own(rule())
        (log,) = run("check", "a.onnx", "--format", "sarif").json["runs"]
        driver = log["tool"]["driver"]  # type: ignore[index]
        links = {one["id"]: one.get("helpUri") for one in driver["rules"]}
        assert links.pop("told-block") is None
        assert all(links.values())

    def test_other_processes_know_it(self, own: Own, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        own(self.COUNTED, "[options.counted]\nword = 'given'")
        names = [str(write(f"{letter}.onnx").name) for letter in "bcd"]
        monkeypatch.setattr("reslint.cli.inputs.workers.PAYS", 0.0)
        monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
        found = run("check", "a.onnx", *names, "--format", "json").json["findings"]
        told = [str(finding["message"]).split() for finding in found if finding["rule"] == "counted"]
        assert len(told) == 4
        assert {word for _, word in told} == {"given"}
        assert str(os.getpid()) not in {process for process, _ in told[2:]}  # the first ones tell how long one takes

    def test_judges_a_run(self, own: Own, run: Run) -> None:
        own(
            """
from reslint.measure import Signal

@rule("loud", "house", Severity.ERROR, Confidence.LIKELY)
def check(signal: Signal, settings: Settings) -> Iterator[Draft]:
    \"\"\"A tap is told.\"\"\"
    for tap in signal.taps:
        yield Draft(tap.block.merge, tap.block.net, message="a tap", help="", evidence={"rms": tap.merged.rms})
"""
        )
        assert run("check", "a.onnx").status == 0
        ran = run("run", "a.onnx", "--select", "loud")
        assert ran.status == 1, ran.err
        assert "error[loud] a tap" in ran.out
        assert "the selected rules need: reslint run" in run("check", "a.onnx", "--select", "loud").err

    def test_what_is_remembered_is_forgotten_with_the_rule(
        self, own: Own, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = own(rule())
        os.utime("a.onnx", (0, 0))
        kept = Cache(here / "kept", load(None, here))
        monkeypatch.setattr("reslint.cache._TICK", -(10**18))
        kept.keep(Looked("a.onnx"), stamps(["a.onnx"]))
        assert kept.found("a.onnx") is not None
        (here / f"{module}.py").write_text(HEAD + rule() + "# changed\n")
        assert kept.found("a.onnx") is None

    def test_the_example_of_the_page(self, run: Run, here: Path) -> None:
        code = re.findall(r"^```python own\n(.*?)^```", PAGE, re.M | re.S)[0]
        named, limited, _ = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
        (here / "tools").mkdir()
        (here / "tools" / "model_rules.py").write_text(code)
        (here / "pyproject.toml").write_text(named)
        shutil.copy(ROOT / "fixtures" / "resnet50.onnx", here / "a.onnx")
        (finding,) = reslint.check("a.onnx", config=load(None, here), select=["house"])
        assert (finding.rule, finding.message, len(finding.related)) == (
            "many-projections",
            "4 shortcuts are projected, where 3 may be",
            3,
        )
        (here / "pyproject.toml").write_text(named + limited)
        assert reslint.check("a.onnx", config=load(None, here), select=["house"]) == ()
        assert "many-projections" in run("rules").out


class TestOptions:
    LIMITED = """
@dataclass(frozen=True)
class Limits:
    at_most: int = 1
    share: float = 0.5
    words: tuple[str, ...] = ()

@rule("limited", "house", Severity.NOTE, Confidence.LIKELY, options=Limits)
def check(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    \"\"\"The options are told.\"\"\"
    for block in anatomy.blocks:
        yield Draft(block.merge, block.net, message=repr(settings.of(Limits)), help="", evidence={})
"""

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ("", "Limits(at_most=1, share=0.5, words=())"),
            ("[options.limited]\nat-most = 3\nshare = 2\nwords = ['a']", "Limits(at_most=3, share=2.0, words=('a',))"),
        ],
    )
    def test_are_given(self, own: Own, run: Run, table: str, says: str) -> None:
        own(self.LIMITED, table)
        assert says in run("check", "a.onnx", "--select", "limited").out

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            (
                "[options.limited]\nat-mots = 3",
                "unknown key 'options.limited.at-mots'; the nearest valid one is 'at-most'",
            ),
            ("[options.limited]\nat-most = 'a'", "options.limited.at-most must be int, not 'a'"),
            ("[options.limited]\nat-most = true", "options.limited.at-most must be int, not True"),
            ("[options.limitd]\nat-most = 3", "no rule of your own is called limitd"),
            ("[options.limited]\nwords = ['a', 1]", "options.limited.words: each item must be str, not 1"),
            ("[options.plain-depth]\nat-most = 3", "options are for your own rules; reslint's have keys of their own"),
        ],
    )
    def test_what_fits_nothing_is_one_line(self, own: Own, run: Run, table: str, says: str) -> None:
        own(self.LIMITED, table)
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert says in ran.err

    @pytest.mark.parametrize(
        ("before", "after", "says"),
        [
            ("at_most: int = 1", "at_most: int", "at_most needs a default"),
            ("at_most: int = 1", "at_most: list[int] = None", "at_most must be bool, int, float, str or a tuple"),
            ("at_most: int = 1", "at_most: 'Nowhere' = 1", "have types that can't be read: NameError"),
            (
                "share: float = 0.5",
                "share: float = 0.5\n    def __post_init__(self):\n        1 / 0",
                "ZeroDivisionError",
            ),
            ("options=Limits", "options=int", "must be a dataclass, not <class 'int'>"),
            ("settings.of(Limits)", "settings.of(int)", "the rule has options of Limits, not of int"),
        ],
    )
    def test_a_dataclass_that_can_not_be_filled_is_one_line(
        self, own: Own, run: Run, before: str, after: str, says: str
    ) -> None:
        own(self.LIMITED.replace(before, after))
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert says in ran.err


class TestBroken:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("import nowhere_at_all", "can't be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
            ("1 / 0", "can't be imported: ZeroDivisionError: division by zero"),
            ("def f(:", "can't be imported: SyntaxError"),
            ("raise SystemExit(0)", "can't be imported: SystemExit"),
            ("", "has no rule: decorate a generator with reslint.rules.rule"),
            (rule("plain-depth"), "plain-depth: reslint already has a rule of this name"),
            (rule("Told Block"), "the name 'Told Block' must be lowercase words joined by dashes"),
            (rule("norm"), "a rule and a family can't share a name"),
            (rule().replace('"house"', '"plain-depth"'), "a rule and a family can't share a name"),
            (rule().replace("Severity.WARNING", '"warning"'), "needs a reslint.Severity"),
            (rule().replace("anatomy: Anatomy, settings: Settings", "anatomy: Anatomy"), "a rule is a generator of"),
            (rule().replace("anatomy: Anatomy", "anatomy: int"), "which no command provides"),
            (re.sub(r'    """.*?"""\n', "", rule(), flags=re.S), "needs a docstring"),
            (rule() + rule().replace("def check", "def other"), "already has a rule of this name"),
        ],
    )
    @pytest.mark.parametrize("command", [("check", "a.onnx"), ("rules",), ("explain", "plain-depth")])
    def test_is_one_line(self, own: Own, run: Run, text: str, says: str, command: tuple[str, ...]) -> None:
        module = own(text)
        ran = run(*command)
        assert (ran.status, ran.err.count("\n"), "Traceback" in ran.err) == (2, 1, False), ran.err
        assert says in ran.err
        assert module in ran.err

    def test_no_module(self, here: Path, run: Run, write: Write) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text('rules = ["not_there.rules"]')
        assert "no module is called 'not_there', seen from" in run("check", "a.onnx").err

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ("yield from 1 / 0", "failed: ZeroDivisionError: division by zero ("),
            ("raise ValueError('sorry'); yield", "failed: ValueError: sorry ("),
            ("yield 'a block'", "failed: TypeError: yields a str, where a Draft is wanted"),
            ("return 3", "failed: TypeError"),
            ("raise SystemExit(0); yield", "failed: SystemExit: 0 ("),
            (
                "yield Draft(block.merge, block.net, 'm', '', {}, lines=(('a', 1),))",
                "the lines of a Draft are pairs of text",
            ),
            ("yield Draft(block.merge, block.net, 'm', '', {}, related=(block,))", "related ones are Ops, too"),
            ("yield Draft(block, block.net, message='m', help='', evidence={})", "a Draft needs an Op and its Net"),
            (
                "yield Draft(block.merge, block.net, message='m', help='', evidence={'a': {1}})",
                "is not JSON serializable",
            ),
        ],
    )
    def test_one_that_raises_is_told_and_other_files_are_checked(
        self, own: Own, run: Run, write: Write, body: str, says: str
    ) -> None:
        module = own(re.sub(r"yield Draft.*", body, rule()))
        write("b.onnx", SOUND.replace("y = Add (x, h)", "y = Relu (h)"))
        ran = run("check", "a.onnx", "b.onnx", "--format", "json")
        assert ran.status == 2
        assert "Traceback" not in ran.err
        assert f"a.onnx: error: the rule told-block of {module} failed" in ran.err
        assert says in ran.err
        assert [file["status"] for file in ran.json["files"]][1] == ("failed" if body == "return 3" else "checked")
        with pytest.raises(RuleFailed, match="told-block"):
            reslint.check("a.onnx", config=load(None, Path.cwd()))


class TestPackage:
    @pytest.fixture
    def install(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
        """A package as pip leaves it: its module, and a .dist-info with the entry point."""

        def installed(name: str, text: str, value: str) -> Path:
            site = tmp_path_factory.mktemp("site-packages")
            (site / f"{name}_rules.py").write_text(HEAD + text)
            info = site / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[reslint.rules]\nhouse = {value}\n")
            monkeypatch.syspath_prepend(str(site))
            return site

        return installed

    def test_its_rules_run_everywhere(self, install: Callable[..., Path], run: Run, write: Write) -> None:
        write("a.onnx")
        install("acme", rule("acme-block"), "acme_rules")
        assert "warning[acme-block]" in run("check", "a.onnx").out
        assert [f.rule for f in reslint.check("a.onnx", select=["house"])] == ["acme-block"]
        assert "acme-block" in run("rules").out

    def test_an_attribute(self, install: Callable[..., Path], run: Run, write: Write) -> None:
        write("a.onnx")
        install("attr", rule("attr-block") + rule("attr-other").replace("def check", "def other"), "attr_rules:other")
        assert [f.rule for f in reslint.check("a.onnx", select=["house"])] == ["attr-other"]

    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("lost", "not_installed_rules", "no module is called 'not_installed_rules'"),
            ("noattr", "noattr_rules:nothing", "noattr_rules has no 'nothing'"),
            ("wrong", "wrong_rules:HEADING", "is a str, not a rule"),
        ],
    )
    def test_a_broken_one_is_one_line(
        self, install: Callable[..., Path], run: Run, write: Write, name: str, value: str, says: str
    ) -> None:
        write("a.onnx")
        install(name, "HEADING = 'text'\n" + rule(f"{name}-block"), value)
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert f"the package {name}: reslint.rules: house: " in ran.err
        assert says in ran.err

    def test_is_what_importlib_finds(self, install: Callable[..., Path]) -> None:
        from importlib.metadata import entry_points

        install("same", rule("same-block"), "same_rules:check [extra]")
        found = {(home.module, home.attribute) for home in places.homes((), Path(), Path())}
        assert found == {(e.module, e.attr or "") for e in entry_points(group="reslint.rules")}


def test_nothing_is_imported_without_own_rules(write: Write) -> None:
    import subprocess
    import sys

    write("a.onnx")
    command = [sys.executable, "-X", "importtime", "-m", "reslint", "check", "a.onnx"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in said.splitlines()}
    assert names.isdisjoint({"reslint.own.load", "configparser"})


def test_options_of_a_rule_of_no_configuration(here: Path) -> None:
    (here / "reslint.toml").write_text("[options.house-rule]\na = 1\n")
    with pytest.raises(BadConfiguration, match="house-rule"):
        reslint.check(ROOT / "fixtures" / "resnet18.onnx", config=load(None, here))
