"""What keeps the linter quiet on what is known: settings by model, severities, allowed findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SOUND, Run, Write
from stubs import STUBS

ALLOW = '[[allow]]\nrule = "merge-met"\nreason = "known"\n'


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stub rules be all there are."""
    monkeypatch.setattr("reslint.cli.look.ALL", STUBS)


class TestAllow:
    def test_allowed_is_counted_and_does_not_fail(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text(ALLOW + 'at = "y"\n')
        ran = run("check", "a.onnx")
        assert ran.status == 0
        assert "0 errors, 1 warning, 1 suppressed" in ran.out
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
        assert "no rule is called 'merge-mt'; did you mean 'merge-met'?" in ran.err


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
