"""The formats that other tools read: what they say, that nothing in a model breaks out of them, and where they point."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TypedDict
from xml.etree import ElementTree

import jsonschema
import pytest
from conftest import Run, Write
from markdown_it import MarkdownIt
from sarif import LOG, OFFICIAL
from stubs import STUBS
from test_report import FINDING, REPORT

from reslint.cli.output.formats import FORMATS, rendered
from reslint.finding import Confidence, Finding, Severity
from reslint.report.check import github, gitlab, junit, markdown, sarif
from reslint.report.common.places import place
from reslint.result import About, Looked, Report

FIXTURES = Path(__file__).parents[1] / "fixtures"
PAGE = "# shortcut-broadcast\n\n## What it does\n\nFinds sums.\nOf two lines.\n\nMore.\n"
ABOUT = About("shortcut-broadcast", "shortcut", Severity.ERROR, Confidence.PROVEN, "A sum is stretched", PAGE)
OTHER = About("empty-branch", "shortcut", Severity.NOTE, Confidence.POSSIBLE, "Nothing there")
FULL = replace(REPORT, rules=(OTHER, ABOUT))
TAGS = {"h3", "table", "thead", "tbody", "tr", "th", "td", "code", "br", "strong", "em"}
EVIL = (
    "a\n::error file=x::b\r\n%0A::set-output,c:d",
    "x | y\n\n# z <img src=x onerror=alert(1)> [l](http://e) ![i](j) `k` **m** @team #1 &lt;",
    "]]>\x00\x1b[31m\x0b</failure>\ufffe\u202e",
    "[a](1) {0} [b]",
    "\udc80",
    "ü" * 1000,
)


def of(*findings: Finding, root: Path = Path()) -> Report:
    """A report with these findings only."""
    return Report("1", (Looked(findings[0].path),), findings, rules=(ABOUT,), root=root)


def with_text(text: str) -> Finding:
    """A finding in which all that comes from a model is one text."""
    names = dict.fromkeys(("message", "path", "tensor", "node", "help", "module", "file", "code"), text)
    return replace(FINDING, **names, related=(text,), lines=((text, text),), evidence={"x": text})  # type: ignore[arg-type]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the finding's model and source, worked on from a folder below its top."""
    for name in ("nets/resnet.py", "work/models/resnet50.onnx", ".git/HEAD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("        out += identity\n" * 200)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


class TestPlaces:
    def test_the_source_where_it_is_there(self, repository: Path) -> None:
        at = place(FINDING, repository)
        assert (at.file, at.line, at.inside) == ("nets/resnet.py", 146, True)

    @pytest.mark.parametrize(
        "file", ["nets/gone.py", "/etc/passwd", "../../etc/passwd", "a\0b", "x" * 5000, "nets", None]
    )
    def test_else_the_model_as_seen_from_the_top(self, repository: Path, file: str | None) -> None:
        at = place(replace(FINDING, file=file), repository)
        assert (at.file, at.line, at.inside) == ("work/models/resnet50.onnx", 1, True)

    def test_a_line_that_is_not_there_is_no_place(self, repository: Path) -> None:
        assert place(replace(FINDING, line=201), repository).file == "work/models/resnet50.onnx"

    def test_a_link_out_of_the_repository_is_not_followed(
        self, repository: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        outside = tmp_path_factory.mktemp("outside") / "secret.py"
        outside.write_text("secret\n")
        (repository / "nets" / "linked.py").symlink_to(outside)
        assert place(replace(FINDING, file="nets/linked.py"), repository).file == "work/models/resnet50.onnx"

    def test_a_model_elsewhere(self, repository: Path) -> None:
        at = place(replace(FINDING, file=None, path="/models/a b.onnx"), repository)
        assert (at.file, at.inside) == ("/models/a b.onnx", False)


class Text(TypedDict):
    text: str


class Notification(TypedDict):
    message: Text


class Invocation(TypedDict):
    executionSuccessful: bool
    toolExecutionNotifications: list[Notification]


class Location(TypedDict):
    message: Text
    physicalLocation: dict[str, dict[str, object]]


class Result(TypedDict):
    ruleId: str
    ruleIndex: int
    level: str
    message: Text
    locations: list[dict[str, object]]
    relatedLocations: list[Location]
    suppressions: list[dict[str, str]]
    partialFingerprints: dict[str, str]
    properties: dict[str, object]


class Log(TypedDict):
    """Of a run of SARIF what is looked at here."""

    tool: dict[str, dict[str, list[dict[str, object]]]]
    invocations: list[Invocation]
    results: list[Result]


class TestSarif:
    def log(self, report: Report) -> Log:
        """The only run of a valid log."""
        log = json.loads(sarif.render(report))
        for schema in (OFFICIAL, LOG):
            jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)(
                schema, format_checker=jsonschema.FormatChecker()
            ).validate(log)
        (run,) = log["runs"]
        found: Log = run
        return found

    def test_rules(self) -> None:
        _, rule = self.log(FULL)["tool"]["driver"]["rules"]
        assert str(rule["helpUri"]).endswith("/rules/shortcut-broadcast")
        assert rule["shortDescription"] == {"text": "A sum is stretched"}
        assert rule["fullDescription"] == {"text": "Finds sums.\nOf two lines."}
        assert rule["help"] == {"text": PAGE, "markdown": PAGE}
        assert rule["defaultConfiguration"] == {"level": "error"}
        assert rule["properties"] == {
            "tags": ["onnx", "shortcut"],
            "precision": "very-high",
            "problem.severity": "error",
        }

    def test_results(self, repository: Path) -> None:
        results = self.log(replace(FULL, root=repository))["results"]
        first, second, *known = results
        assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("shortcut-broadcast", 1, "error")
        assert second["level"] == "note"
        (location,) = first["locations"]
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": "nets/resnet.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 146, "startColumn": 9, "endLine": 146, "endColumn": 24},
        }
        assert location["logicalLocations"] == [
            {"fullyQualifiedName": "layer3.4", "kind": "module"},
            {"name": "add_12", "fullyQualifiedName": "add_12", "kind": "member"},
        ]
        model, *others = first["relatedLocations"]
        assert model["message"] == {"text": "in the model models/resnet50.onnx"}
        assert model["physicalLocation"]["artifactLocation"]["uri"] == "work/models/resnet50.onnx"
        assert len(others) == len(FINDING.related)
        assert "(in models/resnet50.onnx)" in first["message"]["text"]
        accepted = {"kind": "external", "status": "accepted", "justification": "known"}
        assert [one["suppressions"] for one in known] == [[accepted]] * 2
        assert first["partialFingerprints"]["reslintFinding/v1"] == FINDING.fingerprint

    def test_like_findings_of_two_models_are_two(self) -> None:
        report = of(FINDING, replace(FINDING, path="models/other.onnx"))
        results = self.log(report)["results"]
        assert len({r["partialFingerprints"]["primaryLocationLineHash"] for r in results}) == 2

    def test_unreadable_models_are_told(self) -> None:
        (invocation,) = self.log(FULL)["invocations"]
        assert invocation["executionSuccessful"] is False
        assert [n["message"]["text"] for n in invocation["toolExecutionNotifications"]] == ["is empty"]

    def test_limits_of_code_scanning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert sarif.RESULTS == 25_000
        monkeypatch.setattr(sarif, "RESULTS", 5)
        many = of(*[replace(FINDING, severity=Severity.NOTE, evidence={})] * sarif.RESULTS, FINDING)
        assert self.log(many)["results"][0]["level"] == "error"
        assert self.left_out(many) == "1 finding of the least severe left out"
        long = replace(ABOUT, summary="s" * 5000, page="")
        self.log(replace(of(FINDING), rules=(long,)))
        (result,) = self.log(of(replace(FINDING, related=("a",) * 5000)))["results"]
        assert len(result["relatedLocations"]) == sarif.RELATED

    def left_out(self, report: Report) -> str:
        (invocation,) = self.log(report)["invocations"]
        *_, told = [n["message"]["text"] for n in invocation["toolExecutionNotifications"]]
        return str(told).partition(":")[0]

    def test_fits_into_an_upload(self, monkeypatch: pytest.MonkeyPatch) -> None:
        report = of(*[FINDING] * 7, replace(FINDING, severity=Severity.NOTE))
        size = len(gzip.compress(sarif.render(report).encode(), 6))
        monkeypatch.setattr(sarif, "SIZE", size - 1)
        assert self.left_out(report) == "4 findings of the least severe left out"
        assert {result["level"] for result in self.log(report)["results"]} == {"error"}

    @pytest.mark.parametrize("text", EVIL)
    def test_any_text_is_valid(self, text: str) -> None:
        self.log(of(with_text(text)))

    def test_numbers_that_json_does_not_have(self) -> None:
        evidence = {"peak": float("inf"), "each": [float("nan"), 1.0]}
        (result,) = self.log(of(replace(FINDING, evidence=evidence)))["results"]
        assert result["properties"]["evidence"] == {"peak": None, "each": [None, 1.0]}

    def test_no_text_is_a_link(self) -> None:
        (result,) = self.log(of(replace(FINDING, message="[click](http://x)", help="")))["results"]
        assert result["message"]["text"] == r"\[click\](http://x) (in models/resnet50.onnx)"


class TestGithub:
    def test_whole(self, repository: Path) -> None:
        first, *_, last = github.render(replace(FULL, root=repository)).splitlines()
        assert first == "::error title=reslint::models/b.onnx: is empty"
        assert last == (
            "::notice file=work/models/resnet50.onnx,line=1,title=reslint%3A shortcut-broadcast::"
            "models/resnet50.onnx: node_add_12: branch stretched 1 -> 14 over axis 3%0Ause layer3.3's kernel 3x3, pads 1"
        )

    @pytest.mark.parametrize("text", EVIL)
    def test_a_finding_is_one_command(self, text: str) -> None:
        said = github.render(of(with_text(text)))
        assert said.count("\n") == 1
        assert said.startswith("::error title=")
        assert all(c.isprintable() for c in said.rstrip("\n"))
        assert "%0A::" not in said.replace("%250A", "")

    def test_properties_are_escaped(self, repository: Path) -> None:
        (repository / "a,b:c%d.onnx").write_text("")
        said = github.render(of(replace(FINDING, file=None, path="../a,b:c%d.onnx"), root=repository))
        assert said.startswith("::error file=a%2Cb%3Ac%25d.onnx,line=1,")


class TestGitlab:
    def test_issues(self, repository: Path) -> None:
        unread, first, second = json.loads(gitlab.render(replace(FULL, root=repository)))
        assert (unread["check_name"], unread["severity"]) == ("unreadable-model", "blocker")
        assert first["location"] == {"path": "nets/resnet.py", "lines": {"begin": 146}}
        assert [first["severity"], second["severity"]] == ["critical", "info"]
        assert set(first) == {"description", "check_name", "fingerprint", "severity", "location", "other_locations"}
        assert first["other_locations"] == [{"path": "work/models/resnet50.onnx", "lines": {"begin": 1}}]

    def test_fingerprints_are_unique(self) -> None:
        issues = json.loads(gitlab.render(of(FINDING, replace(FINDING, path="b.onnx"))))
        assert len({issue["fingerprint"] for issue in issues}) == 2

    @pytest.mark.parametrize("text", EVIL)
    def test_any_text(self, text: str) -> None:
        assert len(json.loads(gitlab.render(of(with_text(text))))) == 1


class TestJunit:
    def test_a_case_for_each_model_and_rule(self) -> None:
        root = ElementTree.fromstring(junit.render(FULL))
        suites = {suite.get("name"): [case.get("name") for case in suite] for suite in root}
        both = ["empty-branch", "shortcut-broadcast"]
        assert suites == {
            "models/a.onnx": both,
            "models/b.onnx": ["readable"],
            "models/c.onnx": both,
            "models/resnet50.onnx": both,
        }
        (failure,) = root.iter("failure")
        assert failure.get("message") == "error: layer3.4: branch stretched 1 -> 14 over axis 3"
        assert "nets/resnet.py:146: out += identity" in (failure.text or "")
        (error,) = root.iter("error")
        assert error.get("message") == "is empty"
        (out,) = root.iter("system-out")
        assert out.text == "note: node_add_12: branch stretched 1 -> 14 over axis 3"

    @pytest.mark.parametrize(("fail_on", "failures"), [(None, 0), (Severity.ERROR, 1), (Severity.NOTE, 2)])
    def test_fails_as_the_run_does(self, fail_on: Severity | None, failures: int) -> None:
        root = ElementTree.fromstring(junit.render(replace(FULL, fail_on=fail_on)))
        assert len(list(root.iter("failure"))) == failures

    @pytest.mark.parametrize("text", EVIL)
    def test_any_text_is_xml(self, text: str) -> None:
        (suite,) = ElementTree.fromstring(junit.render(of(with_text(text))))
        assert [case.get("name") for case in suite] == ["shortcut-broadcast"]


class TestMarkdown:
    def test_table(self, repository: Path) -> None:
        said = markdown.render(replace(FULL, root=repository))
        assert said.startswith(
            "### reslint: 1 error, 1 note, 2 suppressed, 1 without weights, 1 could not be read "
            "in 4 models, 17 residual blocks\n\n| |"
        )
        assert said.count("\n| ") == 4
        assert "<code>nets/resnet.py&#58;146</code>" in said

    def test_nothing_found(self) -> None:
        report = Report("1", (Looked("a.onnx", kinds={"identity": 2}),), ())
        assert markdown.render(report) == "### reslint: no findings in 1 model, 2 residual blocks\n"

    @pytest.mark.parametrize("text", EVIL)
    def test_no_text_is_markup(self, text: str) -> None:
        html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown.render(of(with_text(text))))
        assert set(re.findall(r"</?(\w+)", html)) <= {
            "h3",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "br",
            "strong",
            "em",
        }
        assert html.count("<tr>") == 2
        assert html.count("<td>") == 4
        assert not re.search(r"[@#]\w", re.sub(r"<code>.*?</code>", "", html))

    def test_fits_into_a_comment(self) -> None:
        said = markdown.render(of(*[FINDING] * 1000))
        assert len(said) < 65_536
        assert re.search(r"\n\n\d+ more are left out here\.\n$", said)


class TestCommand:
    @pytest.fixture(autouse=True)
    def stubs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.look.ALL", STUBS)
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    @pytest.mark.parametrize("style", FORMATS)
    def test_format(self, run: Run, write: Write, style: str) -> None:
        write("a.onnx")
        ran = run("check", "--format", style, "a.onnx")
        assert (ran.status, ran.err) == (1, "")
        assert "merge-met" in ran.out
        if style != "text":  # it tells how long it took
            assert run("check", "--format", style, "a.onnx").out == ran.out

    def test_several_at_once(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        ran = run("check", "--report", "sarif=out.sarif", "--report", "json=out.json", "a.onnx")
        assert ran.status == 1
        assert ran.out.startswith("a.onnx: ")
        assert json.loads((here / "out.sarif").read_text())["version"] == "2.1.0"
        assert json.loads((here / "out.json").read_text())["schema"] == "reslint.findings/1"

    def test_that_can_not_be_written_is_called_as_it_was(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("check", "--report", "sarif=nowhere/x", "a.onnx")
        assert ran.status == 2
        assert "the report nowhere/x: can't be written" in ran.err
        ran = run("check", "--report", "sarif=x", "--output", "x", "a.onnx")
        assert ran.status == 2
        assert "--output and --report both name x" in ran.err

    @pytest.mark.parametrize("given", [("sarif",), ("sarif=",), ("pdf=x",), ("json=x", "sarif=x")])
    def test_reports_are_format_and_file(self, run: Run, write: Write, given: tuple[str, ...]) -> None:
        write("a.onnx")
        assert run("check", "a.onnx", *(f"--report={value}" for value in given)).status == 2

    def test_what_may_be_unread_fails_in_no_format(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        said = {style: run("check", "--unread", "note", "--format", style, "a.onnx") for style in FORMATS[3:7]}
        assert {ran.status for ran in said.values()} == {0}
        (invocation,) = json.loads(said["sarif"].out)["runs"][0]["invocations"]
        assert invocation["executionSuccessful"]
        assert [told["level"] for told in invocation["toolExecutionNotifications"]] == ["note"]
        assert "::notice file=a.onnx," in said["github"].out
        assert [issue["severity"] for issue in json.loads(said["gitlab"].out)] == ["info"]
        (case,) = ElementTree.fromstring(said["junit"].out).iter("testcase")
        assert [told.tag for told in case] == ["skipped"]

    def test_github_writes_a_summary(self, run: Run, write: Write, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a.onnx")
        summary = here / "summary.md"
        summary.write_text("before\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        run("check", "a.onnx")
        assert summary.read_text() == "before\n"
        ran = run("check", "--format", "github", "a.onnx")
        assert "\n::error file=a.onnx,line=1,title=reslint%3A merge-met::a.onnx: y: Add" in ran.out
        assert summary.read_text().startswith("before\n### reslint: 1 error, 1 warning in 1 model")

    @pytest.mark.parametrize("style", ["text", "json"])
    def test_only_the_report_gives_commands(
        self, run: Run, write: Write, here: Path, monkeypatch: pytest.MonkeyPatch, style: str
    ) -> None:
        write("::add-mask::a.onnx")
        (here / "::error ::b.onnx").write_text("")
        (here / "##[error]c.onnx").write_text("")
        assert re.search(r"^::", run("check", ".").err, re.M)
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        ran = run("check", ".", "--format", style)
        assert "add-mask" in ran.out
        assert not re.search(r"^\s*::|##\[", ran.out + ran.err, re.M)
        assert re.search(r"^::error file=", run("check", ".", "--format", "github").out, re.M)

    def test_colours_are_for_text(self, run: Run, write: Write) -> None:
        report = of(FINDING)
        assert "\x1b" in rendered(report, "text", None, "always", verbose=False)
        assert all("\x1b" not in rendered(report, style, None, "always", verbose=False) for style in FORMATS[1:])
