"""What keeps the linter quiet on what is known: settings by model, severities, allowed findings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Run, Write
from onnx import version_converter
from stubs import STUBS
from test_diff import cut
from test_properties import loaded

from reslint.anatomy import dissect
from reslint.baseline import Baseline
from reslint.finding import Confidence, Finding, Severity
from reslint.net import from_proto
from reslint.rules import ALL

FIXTURES = Path(__file__).parent.parent / "fixtures"

ALLOW = '[[allow]]\nrule = "merge-met"\nreason = "known"\n'


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stub rules be all there are."""
    monkeypatch.setattr("reslint.look.ALL", STUBS)


class TestAllow:
    def test_allowed_is_counted_and_does_not_fail(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(ALLOW + 'at = "y"\n')
        ran = run("check", "a.onnx")
        assert ran.status == 0
        assert "1 warning, 1 suppressed" in ran.out
        assert ran.err == ""

    def test_by_fingerprint(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (found,) = run("check", "--select", "merge-met", "--format", "json", "a.onnx").json["findings"]
        (here / "reslint.toml").write_text(ALLOW + f'at = "{str(found["fingerprint"])[:6]}"\n')
        write("a.onnx", SOUND.replace("y", "z"))
        assert run("check", "a.onnx").status == 0

    def test_unused(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(ALLOW + 'at = "gone"\n')
        ran = run("check", "a.onnx")
        assert ran.status == 1
        assert "note: allow merge-met in '*' at 'gone' is unused" in ran.err
        assert run("check", "--select", "activation-met", "a.onnx").err == ""  # its rule did not run

    def test_other_models_are_no_proof(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(ALLOW + 'model = "b*"\n')
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err) == (1, "")

    def test_expired(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(ALLOW + "expires = 2020-01-31\n")
        ran = run("check", "a.onnx")
        assert ran.status == 1
        assert "expired on 2020-01-31: known" in ran.err

    @pytest.mark.parametrize("text", ["[severity]\nmerge-mt = 'note'", ALLOW.replace("met", "mt")])
    def test_unknown_rule(self, run: Run, write: Write, here: Path, text: str) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(text)
        ran = run("check", "a.onnx")
        assert ran.status == 2
        assert ran.err == f"error: {here / 'reslint.toml'}: no rule is called 'merge-mt'; did you mean 'merge-met'?\n"


class TestSettings:
    def test_severity(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text('[severity]\nmerge-met = "note"\nactivation-met = "note"\n')
        ran = run("check", "a.onnx")
        assert ran.status == 0
        assert "note[merge-met]" in ran.out

    def test_by_model(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        write("old/b.onnx")
        (here / "reslint.toml").write_text('[[models]]\nmatch = "old/*"\nignore = ["merge-met"]\n')
        found = run("check", "--format", "json", ".").json["findings"]
        assert [(f["path"], f["rule"]) for f in found] == [
            ("a.onnx", "activation-met"),
            ("a.onnx", "merge-met"),
            ("old/b.onnx", "activation-met"),
        ]
        (here / "reslint.toml").write_text('[[models]]\nmatch = "old/*"\nfail-on = "never"\n')
        assert run("check", "old").status == 0
        assert run("check", ".").status == 1

    def test_an_unknown_rule_of_some_models(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text('[[models]]\nmatch = "old/*"\nignore = ["merge-mt"]\n')
        assert run("check", "a.onnx").status == 2

    def test_shown(self, run: Run, write: Write, here: Path) -> None:
        write("old/b.onnx")
        text = '[[models]]\nmatch = "old/*"\nignore = ["merge-met"]\n[plain-depth]\nnote = 5\n' + ALLOW
        (here / "reslint.toml").write_text(text)
        ran = run("check", "--show-settings", "--fail-on", "note", "old")
        assert ran.status == 0
        lines = {line.split()[0]: " ".join(line.split()[1:]) for line in ran.out.splitlines()}
        assert lines["ignore"] == f"[\"merge-met\"] ({here}/reslint.toml, models 'old/*')"
        assert lines["plain-depth"] == f'{{"note": 5, "warning": 34}} ({here}/reslint.toml)'
        assert lines["fail-on"] == '"note" (command line)'
        assert lines["profile"] == '"ship" (default)'
        assert '"reason": "known"' in lines["allow"]

    def test_shown_as_they_are_written(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        names = [f"part{n}/*" for n in range(60)]
        (here / "reslint.toml").write_text(f'exclude = {names}\n[severity]\nmerge-met = "note"\n')
        ran = run("check", "--show-settings", "a.onnx", "gone.onnx")
        assert ran.status == 2
        assert "gone.onnx: error: no such file or folder" in ran.err
        assert "gone" not in ran.out
        assert 'severity             {"merge-met": "note"}' in ran.out
        assert '"part59/*"]' in ran.out


class TestBaseline:
    def test_known_findings_do_not_fail(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        assert run("check", "--write-baseline", "known.json", "a.onnx").status == 0
        first = (here / "known.json").read_text()
        ran = run("check", "--baseline", "known.json", "a.onnx")
        assert (ran.status, ran.err) == (0, "")
        assert "a.onnx: 2 suppressed, 1 residual block (1 identity)\n" in ran.out
        assert run("check", "--baseline", "known.json", "--format", "json", "a.onnx").json["findings"] == []
        run("check", "--write-baseline", "known.json", "a.onnx")
        assert (here / "known.json").read_text() == first

    def test_a_line_for_each_finding(self, run: Run, write: Write, here: Path) -> None:
        write("models/a.onnx")
        run("check", "--write-baseline", "models/known.json", "models")
        text = (here / "models" / "known.json").read_text()
        rows = [line for line in text.splitlines() if '"rule"' in line]
        assert [row.split('"')[3] for row in rows] == ["activation-met", "merge-met"]
        assert json.loads(text)["models"].keys() == {"a.onnx"}

    def test_renaming_leaves_them_known(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        run("check", "--write-baseline", "known.json", "a.onnx")
        write("a.onnx", SOUND.replace("f = ", "k = ").replace("(f)", "(k)").replace("y", "z"))
        assert run("check", "--baseline", "known.json", "a.onnx").status == 0

    def test_new_ones_fail(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        run("check", "--write-baseline", "known.json", "a.onnx")
        write("a.onnx", SOUND.replace("y = Add (x, h)", "p = Add (x, h) y = Add (p, p)"))
        ran = run("check", "--baseline", "known.json", "a.onnx")
        assert ran.status == 1
        assert "1 error, 2 suppressed" in ran.out

    def test_resolved(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        run("check", "--write-baseline", "known.json", "a.onnx")
        write("a.onnx", SOUND.replace("Add", "Sub"))
        ran = run("check", "--baseline", "known.json", "a.onnx")
        assert "known.json: note: a.onnx: merge-met at y is resolved; --write-baseline removes it" in ran.err
        assert "resolved; dropped" in run("check", "--write-baseline", "known.json", "a.onnx").err
        assert "merge-met" not in (here / "known.json").read_text()

    def test_a_part_leaves_the_rest_alone(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        write("b.onnx")
        run("check", "--confidence", "possible", "--write-baseline", "known.json", ".")
        before = (here / "known.json").read_text()
        for some in (("a.onnx",), ("--select", "merge-met", "."), ("--confidence", "likely", ".")):
            ran = run("check", "--write-baseline", "known.json", *some)
            assert (ran.status, ran.err) == (0, "known.json: note: holds 8 findings of 2 models\n")
            assert (here / "known.json").read_text() == before
        (here / "a.onnx").write_bytes(b"")
        assert run("check", "--write-baseline", "known.json", ".").status == 2
        assert json.loads((here / "known.json").read_text())["models"].keys() == {"a.onnx", "b.onnx"}

    def test_a_model_that_is_gone(self, run: Run, write: Write, here: Path) -> None:
        write("models/a.onnx")
        write("models/b.onnx")
        run("check", "--write-baseline", "models/known.json", "models")
        before = (here / "models" / "known.json").read_text()
        (here / "models" / "b.onnx").unlink()
        for option in ("--baseline", "--write-baseline"):
            ran = run("check", option, "models/known.json", "models")
            assert ran.err.splitlines()[0] == (
                "models/known.json: note: b.onnx no longer exists but has 2 known findings; "
                "delete them if it won't come back"
            )
            assert (here / "models" / "known.json").read_text() == before
        assert run("check", "--quiet", "--baseline", "models/known.json", "models").err == ""

    @pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"schema": "reslint.baseline/1", "models": {"a": [1]}}'])
    def test_none(self, run: Run, write: Write, here: Path, text: str | None) -> None:
        write("a.onnx")
        if text is not None:
            (here / "known.json").write_text(text)
        ran = run("check", "--baseline", "known.json", "a.onnx")
        assert ran.status == 2
        assert ran.err.startswith("error: baseline known.json: ")

    def test_more_places_are_new(self) -> None:
        finding = Finding("r", "f", Severity.ERROR, Confidence.PROVEN, "", "a.onnx", "t", "n", "", fingerprint="abc")
        known = Baseline(Path("known.json")).renewed([finding], {})
        assert known.split([finding]) == ((), (finding,))
        wider = replace(finding, related=("other",))
        assert known.split([wider]) == ((wider,), ())


class TestStatistics:
    def test_counts_by_rule(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx", SOUND.replace("y = Add (x, h)", "p = Add (x, h) y = Add (p, p)"))
        ran = run("check", "--statistics", ".")
        assert ran.status == 1
        assert ran.out.splitlines()[:3] == [
            "3  error    merge-met       in 2 models, at 9 places",
            "2  warning  activation-met  in 2 models, at 6 places",
            "",
        ]
        assert ran.out.splitlines()[3].startswith("2 models, 2 residual blocks (2 identity): 3 errors, 2 warnings (")

    def test_json_holds_them_beside_the_findings(self, run: Run, write: Write) -> None:
        write("a.onnx")
        plain = run("check", "--format", "json", "a.onnx").json
        found = run("check", "--statistics", "--format", "json", "a.onnx").json
        rows = found.pop("statistics")
        assert found == plain
        assert rows[1] == {"rule": "merge-met", "severity": "error", "findings": 1, "models": 1, "places": 3}

    def test_nothing_to_count(self, run: Run, write: Write) -> None:
        write("a.onnx", SOUND.replace("Add", "Sub").replace("Relu", "Sigmoid"))
        ran = run("check", "--statistics", "a.onnx")
        assert ran.status == 0
        assert ran.out.startswith("1 model, ")

    def test_other_formats(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("check", "--statistics", "--format", "sarif", "a.onnx")
        assert ran.status == 2
        assert "remove --format sarif" in ran.err


FORMS = [(name, opset) for name in ("resnet18", "resnet18_ts", "resnet18_qdq") for opset in (20, 17, 23)]


@pytest.mark.parametrize(("name", "opset"), FORMS)
def test_an_upgrade_invalidates_nothing(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, name: str, opset: int
) -> None:
    """Another exporter, another opset and quantization: what was known stays known, and nothing is taken for resolved."""
    monkeypatch.setattr("reslint.look.ALL", ALL)
    arguments = ("--profile", "design", "--confidence", "possible", "m.onnx")
    onnx.save(_without_a_shortcut("resnet18"), here / "m.onnx")
    run("check", "--write-baseline", "known.json", *arguments)
    known = (here / "known.json").read_text()
    assert [json.loads(row.rstrip(","))["rule"] for row in known.splitlines() if '"rule"' in row] == [
        "lossy-downsample",
        "missing-shortcut",
    ]
    onnx.save(version_converter.convert_version(_without_a_shortcut(name), opset), here / "m.onnx")
    ran = run("check", "--baseline", "known.json", "--fail-on", "note", *arguments)
    assert ran.status == 0, ran.out
    assert "2 suppressed" in ran.out
    assert "resolved" not in ran.err


def _without_a_shortcut(name: str) -> onnx.ModelProto:
    """A fixture in which the second block has only its branch."""
    graph = loaded(name)
    return cut(graph, dissect(from_proto(graph, FIXTURES / "m.onnx")).blocks[1].merge.id)
