"""The command line: what it looks at, what it says where, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Run, Write
from stubs import ADD, DESIGN, STUBS

from reslint.cli import COMMANDS
from reslint.rules import ALL

FIXTURES = Path(__file__).parents[1] / "fixtures"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stub rules be all there are."""
    monkeypatch.setattr("reslint.look.ALL", STUBS)


@pytest.fixture
def no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no rules, for tests of what surrounds them."""
    monkeypatch.setattr("reslint.look.ALL", ())


@pytest.mark.usefixtures("no_rules")
class TestExitStatus:
    def test_sound(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("check", "a.onnx")
        assert ran.status == 0
        assert ran.out.startswith("1 model, 1 residual block (1 identity): no findings (")
        listed = run("check", "-v", "a.onnx")
        assert listed.out.splitlines()[0] == "a.onnx: ok, 1 residual block (1 identity)"
        assert ran.err == ""

    def test_no_such_path(self, run: Run) -> None:
        ran = run("check", "a.onnx")
        assert ran.status == 2
        assert ran.err == "a.onnx: error: no such file or folder\n"
        assert ran.out == ""
        for command, entries in (("check", "files"), ("anatomy", "models")):
            (entry,) = run(command, "--format", "json", "a.onnx").json[entries]
            assert entry["error"] == "no such file or folder"

    def test_no_path(self, run: Run) -> None:
        assert run("check").status == 2

    def test_no_model(self, run: Run, here: Path) -> None:
        (here / "empty").mkdir()
        (here / "empty" / "readme.txt").write_text("no model")
        ran = run("check", "empty")
        assert ran.status == 2
        assert ran.err == "empty: error: no model found here\n"

    def test_factory_needs_an_extra(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith("reslint.export.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "torch", None)
        ran = run("check", "nets.resnet:resnet18")
        assert ran.status == 2
        assert ran.err == "nets.resnet:resnet18: error: needs torch: pip install 'reslint[torch]'\n"

    @pytest.mark.parametrize("command", ["check", "anatomy"])
    def test_unreadable_fails_but_others_are_looked_at(self, run: Run, write: Write, here: Path, command: str) -> None:
        (here / "a.onnx").write_bytes(b"")
        write("b.onnx")
        ran = run(command, ".", "-v")
        assert ran.status == 2
        assert ran.err == "a.onnx: error: is empty; export or download it again\n"
        assert "b.onnx: " in ran.out

    def test_unreadable_in_json(self, run: Run, write: Write, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        write("b.onnx")
        files = run("check", "--format", "json", ".").json["files"]
        assert [(f["path"], f["status"], f["error"]) for f in files] == [
            ("a.onnx", "failed", "is empty; export or download it again"),
            ("b.onnx", "checked", None),
        ]

    def test_pointer(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_text(POINTER)
        ran = run("check", "a.onnx")
        assert ran.status == 2
        assert ran.err.startswith("a.onnx: error: is a git LFS pointer")

    def test_pointer_as_a_note(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_text(POINTER)
        ran = run("check", "--unread", "note", "--format", "json", "a.onnx")
        assert ran.status == 0
        assert ran.err.startswith("a.onnx: note: is a git LFS pointer")
        assert ran.json["files"][0]["status"] == "failed"

    def test_note_is_for_pointers_only(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        assert run("check", "--unread", "note", "a.onnx").status == 2

    def test_bug_keeps_its_traceback(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from reslint.cli import main

        write("a.onnx")
        monkeypatch.setattr("reslint.look.dissected", lambda net: 1 / 0)
        monkeypatch.setattr("sys.argv", ["reslint", "check", "a.onnx"])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        told = capsys.readouterr().err
        assert "ZeroDivisionError" in told
        assert "a.onnx: error: made reslint fail" in told

    def test_interrupt_is_quiet(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(net: object) -> None:
            raise KeyboardInterrupt

        write("a.onnx")
        monkeypatch.setattr("reslint.look.dissected", interrupted)
        ran = run("check", "a.onnx")
        assert ran.status == 130
        assert ran.err.strip() == ""


@pytest.mark.usefixtures("stubs")
class TestFindings:
    @pytest.mark.parametrize(
        ("options", "status"),
        [
            ((), 1),
            (("--ignore", "merge-met"), 0),
            (("--ignore", "merge-met", "--fail-on", "warning"), 1),
            (("--ignore", "merge-met,activation-met", "--fail-on", "note"), 0),
            (("--ignore", "merge-met,activation-met", "--fail-on", "note", "--confidence", "possible"), 1),
            (("--fail-on", "never"), 0),
        ],
    )
    def test_fail_on(self, run: Run, write: Write, options: tuple[str, ...], status: int) -> None:
        write("a.onnx")
        assert run("check", "a.onnx", *options).status == status

    def test_failure_wins_over_findings(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "b.onnx").write_bytes(b"")
        ran = run("check", "--format", "json", "a.onnx", "b.onnx")
        assert ran.status == 2
        assert ran.json["findings"]

    @pytest.mark.parametrize(
        ("options", "rules"),
        [
            ((), ["activation-met", "merge-met"]),
            (("--select", "merge-met"), ["merge-met"]),
            (("--select", "merge"), ["merge-met"]),
            (("--select", "stub"), ["activation-met", "merge-met"]),
            (("--select", "stub", "--ignore", "activation"), ["merge-met"]),
            (("--profile", "design"), ["activation-met", "design-met", "merge-met"]),
            (("--select", "design"), []),
            (("--select", "design-met"), ["design-met"]),
            (("--confidence", "possible"), ["conv-met", "activation-met", "conv-met", "merge-met"]),
        ],
    )
    def test_selection(self, run: Run, write: Write, options: tuple[str, ...], rules: list[str]) -> None:
        write("a.onnx")
        findings = run("check", "--format", "json", *options, "a.onnx").json["findings"]
        assert [finding["rule"] for finding in findings] == rules

    @pytest.mark.parametrize("option", ["--select", "--ignore"])
    def test_unknown_rule_names_the_nearest(self, run: Run, write: Write, option: str) -> None:
        write("a.onnx")
        ran = run("check", option, "merge-meet", "a.onnx")
        assert ran.status == 2
        assert ran.err == "error: no rule or family is called 'merge-meet'; did you mean 'merge-met'?\n"
        assert ran.out == ""

    def test_target_reaches_the_rules(self, run: Run, write: Write) -> None:
        write("a.onnx")
        assert "tensorrt" in run("check", "--target", "tensorrt", "a.onnx").out

    @pytest.mark.parametrize(
        ("target", "told"),
        [
            ("tensorrt", ""),
            ("ort-cuda", ""),
            ("ort-coreml", ""),
            ("", ""),
            ("tensort", "did you mean 'tensorrt'?"),
            ("TensorRT", "did you mean 'tensorrt'?"),
            ("or-cpu", "did you mean 'ort-cpu'?"),
            ("openvino", "known targets are tensorrt and any name that starts with ort, such as ort-cuda"),
        ],
    )
    def test_a_target_that_no_rule_knows_is_told(
        self, run: Run, write: Write, here: Path, target: str, told: str
    ) -> None:
        write("a.onnx")
        line = (
            f"note: no rule knows the target {target!r}: it is treated as neither TensorRT nor ONNX Runtime; {told}\n"
        )
        ran = run("check", "--fail-on", "never", "--target", target, "a.onnx")
        assert (ran.status, ran.err) == (0, f"--target: {line}" if told else "")
        file = here / "reslint.toml"
        file.write_text(f"fail-on = 'never'\n[[models]]\nmatch = 'a*'\ntarget = '{target}'")
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err) == (0, f"{file}, models 'a*': {line}" if told else "")
        assert run("check", "--quiet", "a.onnx").err == ""

    def test_configuration_counts_and_the_command_line_beats_it(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text('ignore = ["merge-met"]\nfail-on = "warning"')
        assert run("check", "a.onnx").status == 1
        assert run("check", "--fail-on", "error", "a.onnx").status == 0
        assert run("check", "--fail-on", "error", "--ignore", "conv", "a.onnx").status == 1

    def test_bad_configuration(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text("fail-on = 3")
        ran = run("check", "a.onnx")
        assert ran.status == 2
        assert "fail-on must be one of error, warning, note, never, not 3" in ran.err

    def test_same_bytes_every_time(self, run: Run, write: Write) -> None:
        write("b.onnx")
        write("a.onnx")
        first = run("check", "--format", "json", ".").out
        assert run("check", "--format", "json", "b.onnx", "a.onnx").out == first


@pytest.mark.usefixtures("no_rules")
class TestPaths:
    def checked(self, run: Run, *paths: str) -> list[object]:
        return [file["path"] for file in run("check", "--format", "json", *paths).json["files"]]

    def test_folder_is_searched_in_order_without_hidden_ones(self, run: Run, write: Write) -> None:
        for name in ("m/z.onnx", "m/b/a.onnx", "m/.git/lost.onnx", "m/.cache/lost.onnx", "m/B.ONNX"):
            write(name)
        assert self.checked(run, "m") == ["m/B.ONNX", "m/b/a.onnx", "m/z.onnx"]

    def test_pipes_and_dangling_links_are_told(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        os.mkfifo(here / "b.onnx")
        (here / "c.onnx").symlink_to("nowhere.onnx")
        ran = run("check", "--format", "json", ".")
        assert [(file["path"], file["status"]) for file in ran.json["files"]] == [
            ("a.onnx", "checked"),
            ("b.onnx", "failed"),
            ("c.onnx", "failed"),
        ]
        assert ran.status == 2
        assert "b.onnx: error: is a pipe or a device, and no model that could be read" in ran.err
        assert run("check", "b.onnx").err == "b.onnx: error: is neither a file nor a folder\n"

    def test_each_file_once(self, run: Run, write: Write) -> None:
        write("m/a.onnx")
        assert self.checked(run, "m/a.onnx", "m", "./m/a.onnx", "m/*.onnx") == ["m/a.onnx"]

    def test_glob(self, run: Run, write: Write) -> None:
        for name in ("m/a.onnx", "m/n/b.onnx", "m/n/c.txt"):
            write(name)
        assert self.checked(run, "m/**/*.onnx") == ["m/a.onnx", "m/n/b.onnx"]
        assert run("check", "m/*.nothing").status == 2

    def test_glob_passes_by_what_is_hidden_and_links_that_lead_back(self, run: Run, write: Write, here: Path) -> None:
        for name in ("m/a.onnx", "m/.h/lost.onnx", "m/n/b.onnx", "m/n/.lost.onnx"):
            write(name)
        for name in ("m/up", "m/n/up"):
            (here / name).symlink_to("..")
        for pattern in ("m/**/*.onnx", "**/*.onnx", "./**/*.onnx", f"{here}/m/**/*.onnx"):
            assert [os.path.relpath(str(path)) for path in self.checked(run, pattern)] == ["m/a.onnx", "m/n/b.onnx"]
        assert self.checked(run, "m/**/.h/*.onnx") == ["m/.h/lost.onnx"]

    def test_file_with_brackets_in_its_name(self, run: Run, write: Write) -> None:
        write("a[1].onnx")
        assert self.checked(run, "a[1].onnx") == ["a[1].onnx"]

    def test_file_that_is_called_like_a_factory(self, run: Run, write: Write) -> None:
        write("mod:fac.onnx")
        for path in ("mod:fac.onnx", "."):
            (file,) = run("check", "--format", "json", path).json["files"]
            assert (file["path"], file["status"]) == ("mod:fac.onnx", "checked")
        assert run("anatomy", "mod:fac.onnx").status == 0
        assert run("diff", "mod:fac.onnx", "mod:fac.onnx").status == 0
        assert "fac.onnx: error: " in run("check", "other:fac.onnx").err

    def test_external_data_means_its_owner(self, run: Run, write: Write, here: Path) -> None:
        for name in ("m/a.onnx", "m/b.onnx"):
            write(name)
        for name in ("m/a.onnx.data", "m/a.onnx_data_1", "m/w/shared.onnx.data", "lost.onnx.data"):
            (here / name).parent.mkdir(exist_ok=True)
            (here / name).touch()
        assert self.checked(run, "m/a.onnx.data", "m/a.onnx_data_1") == ["m/a.onnx"]
        model = onnx.load(here / "m/b.onnx")
        onnx.save(model, here / "m/b.onnx", save_as_external_data=True, location="w/shared.onnx.data", size_threshold=0)
        assert self.checked(run, "m/w/shared.onnx.data") == ["m/b.onnx"]
        assert run("check", "lost.onnx.data").err == (
            "lost.onnx.data: error: is external data, but no model beside or above it refers to it\n"
        )

    def test_exclude_counts_for_what_is_searched(self, run: Run, write: Write, here: Path) -> None:
        for name in ("vendor/a.onnx", "m/b.onnx", "m/b_test.onnx"):
            write(name)
        (here / "reslint.toml").write_text('exclude = ["vendor", "*_test.onnx"]')
        assert self.checked(run, ".") == ["m/b.onnx"]
        assert self.checked(run, "vendor/a.onnx") == ["vendor/a.onnx"]

    def test_all_that_is_excluded_is_told(self, run: Run, write: Write, here: Path) -> None:
        for name in ("vendor/a.onnx", "vendor/b.onnx", "m/c_test.onnx"):
            write(name)
        file = here / "reslint.toml"
        file.write_text('exclude = ["vendor", "*_test.onnx"]')
        both = f"error: all 2 models here are excluded by `exclude` in {file}\n"
        for path in ("vendor", "vendor/*.onnx", "**/vendor"):
            ran = run("check", path)
            assert (ran.status, ran.err) == (2, f"{path}: {both}")
        assert run("check", "m").err == f"m: error: the one model here is excluded by `exclude` in {file}\n"
        assert run("check", "m/*.txt").err == "m/*.txt: error: no model found here\n"

    def test_text_model(self, run: Run, here: Path) -> None:
        (here / "a.onnxtxt").write_text(
            f'<ir_version: 8, opset_import: ["": 17]>{SOUND}'.replace(" w, ", " w = {0.0}, ")
        )
        assert self.checked(run, ".") == ["a.onnxtxt"]


@pytest.mark.usefixtures("stubs")
class TestStreams:
    def test_output_goes_to_a_file(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        ran = run("check", "--format", "json", "--output", "report.json", "a.onnx")
        assert (ran.status, ran.out) == (1, "")
        assert json.loads((here / "report.json").read_text())["findings"]
        assert sorted(p.name for p in here.iterdir()) == ["a.onnx", "report.json"]

    def test_output_that_cannot_be_written(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("check", "--output", "nowhere/report.json", "a.onnx")
        assert ran.status == 2
        assert "--output nowhere/report.json: can't be written" in ran.err

    @pytest.mark.parametrize(
        "asked",
        [
            "check a.onnx --output a.onnx",
            "check a.onnx --output ./m/../a.onnx",
            "check a.onnx --output m/b.onnx",
            "check a.onnx --report json=a.onnx",
            "check a.onnx --write-baseline a.onnx",
            "check a.pb --output a.pb",
            "check a.pb --output link",
            "anatomy a.onnx --output a.onnx",
            "run a.onnx --report sarif=m/b.onnx",
            "diff a.onnx a.pb --output a.pb",
            "flow mod:fac --plot a.onnx",
        ],
    )
    def test_a_result_takes_no_models_place(self, run: Run, write: Write, here: Path, asked: str) -> None:
        models = [write("a.onnx"), write("m/b.onnx"), write("a.pb")]
        (here / "link").symlink_to("a.pb")
        before = [model.read_bytes() for model in models]
        ran = run(*asked.split())
        assert (ran.status, ran.out) == (2, "")
        file = asked.split()[-1].rpartition("=")[2]
        assert ran.err.endswith(f" {file}: is a model that the result would overwrite; name another file\n")
        assert [model.read_bytes() for model in models] == before

    @pytest.mark.parametrize("asked", ["export m/a.pt2 -o m/../m/a.pt2", "export old -o m/a.pt2"])
    def test_an_export_takes_not_its_own_files_place(self, run: Run, here: Path, asked: str) -> None:
        (here / "m").mkdir()
        (here / "m" / "a.pt2").write_text("a program")
        (here / "reslint.toml").write_text('[models.old]\nfactory = "m/a.pt2"')
        ran = run(*asked.split())
        assert (ran.status, ran.out) == (2, "")
        assert ran.err.endswith("m/a.pt2: is the file that the model is made from; name another file\n")

    def test_a_report_takes_an_older_ones_place(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "report.json").write_text("old")
        assert run("check", "a.onnx", "--format", "json", "--output", "report.json").status == 1
        assert json.loads((here / "report.json").read_text())

    def test_color(self, run: Run, write: Write) -> None:
        write("a.onnx")
        assert "\x1b[" not in run("check", "a.onnx").out
        assert "\x1b[" in run("check", "--color", "always", "a.onnx").out
        assert "\x1b[" in run("anatomy", "--color", "always", "a.onnx").out

    @pytest.mark.parametrize("command", ["check", "anatomy"])
    def test_hostile_names_are_escaped(self, run: Run, write: Write, here: Path, command: str) -> None:
        graph = SOUND.replace("y = Add", "[evil] y = Add")
        path = write("a\x1b[2J.onnx", graph)
        model = path.read_bytes().replace(b"evil", b"\x1b[2J")
        path.write_bytes(model)
        ran = run(command, "--verbose", "--color", "never", ".")
        assert "\x1b" not in ran.out + ran.err
        assert "a\\x1b[2J.onnx: " in ran.out

    def test_missing_weights_are_told_once_and_do_not_fail(self, run: Run, write: Write, here: Path) -> None:
        import onnx

        model = onnx.load(write("a.onnx"))
        onnx.save(model, "a.onnx", save_as_external_data=True, location="a.data", size_threshold=0)
        (here / "a.data").unlink()
        ran = run("check", "--select", "conv", "--format", "json", "a.onnx")
        assert ran.status == 0
        assert ran.err == "a.onnx: note: external data 'a.data' is missing; put it beside the model\n"
        assert ran.json["files"][0]["unread"] == ["external data 'a.data' is missing; put it beside the model"]
        assert run("check", "--quiet", "--select", "conv", "a.onnx").err == ""

    def test_many_missing_weights_are_one_line(self, run: Run, write: Write, here: Path) -> None:
        import onnx

        for name in "abcdef":
            location = "left-out" if name < "e" else f"{name}.data"
            model = onnx.load(write(f"{name}.onnx"))
            onnx.save(model, f"{name}.onnx", save_as_external_data=True, location=location, size_threshold=0)
            (here / location).unlink()
        ran = run("check", "--select", "conv", "--format", "json", ".")
        assert ran.err == (
            "6 files: note: external data 'left-out', 'e.data' and 1 more is missing; these checks need only shapes\n"
        )
        assert ran.json["files"][0]["unread"] == ["external data 'left-out' is missing; put it beside the model"]
        assert len(run("check", "--select", "conv", "--verbose", ".").err.splitlines()) == 6
        assert len(run("check", "--select", "conv", "a.onnx", "b.onnx").err.splitlines()) == 2
        assert run("check", "--quiet", "--select", "conv", ".").err == ""

    def test_progress_only_where_someone_watches(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.cli.output.progress.MANY", 2)
        for name in ("a.onnx", "b.onnx"):
            write(name)
        assert "reslint" not in run("check", ".").err
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        watched = run("check", "--format", "json", ".")
        assert len(watched.json["files"]) == 2
        assert "reslint" in watched.err

    def test_reader_that_goes_away(self, write: Write, here: Path) -> None:
        write("a.onnx")
        command = f"{sys.executable} -m reslint anatomy . | true; exit ${{PIPESTATUS[0]}}"
        ended = subprocess.run(["bash", "-c", command], cwd=here, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ("check a.onnx", "it is closed"),
            ("anatomy a.onnx", "it is closed"),
            ("explain plain-depth", "it is closed"),
            ("rules", "it is closed"),
            ("--version", "it is closed"),
            ("check --help", "it is closed"),
            ("check a.onnx --output report", ""),
        ],
    )
    def test_standard_output_that_is_closed(self, write: Write, here: Path, asked: str, told: str) -> None:
        ended = self.closed(f"{asked} >&-", write("a.onnx").parent)
        assert ended == ((2, f"error: standard output can't be written: {told}\n") if told else (0, ""))
        assert (here / "report").exists() == (not told)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_full_disk_is_no_bug_of_the_help(
        self, here: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str
    ) -> None:
        monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
        ended = self.closed("--help >/dev/full", here)
        assert ended == (2, "error: standard output can't be written: No space left on device\n")

    @pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
    def test_standard_error_that_is_closed(self, write: Write, here: Path, closed: str) -> None:
        write("a.onnx")
        (here / "b.onnx").write_bytes(b"")
        assert self.closed(f"check --report json=report . {closed}", here) == (2, "")
        assert len(json.loads((here / "report").read_text())["files"]) == 2

    def closed(self, command: str, here: Path) -> tuple[int, str]:
        """How reslint ends whose streams a shell has closed, and what it says on standard error."""
        shell = ["bash", "-c", f"{sys.executable} -m reslint {command}"]
        ended = subprocess.run(
            shell, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=False
        )
        return ended.returncode, ended.stderr


class TestOtherCommands:
    def test_help_lists_all_commands(self, run: Run) -> None:
        ran = run("--help")
        assert ran.status == 0
        assert all(f"\n  {command} " in ran.out for command in COMMANDS)

    def test_completion(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("_RESLINT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "reslint an")
        monkeypatch.setenv("COMP_CWORD", "1")
        assert run().out == "plain,anatomy\n"

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            ("explain shortcut-b", ["shortcut-broadcast"]),
            ("explain norm", ["norm-after-add"]),
            ("check --explain-passes dead", ["dead-branch"]),
            ("check --select cost", ["cost", "cost-budget", "costly", "costly-shortcut"]),
            ("check --ignore norm,late", ["norm,latency", "norm,latency-budget", "norm,latency-regression"]),
            ("anatomy --select stale", ["stale", "stale-shortcut"]),
            ("run --ignore file", ["file"]),
            ("check --select nothing", []),
        ],
    )
    def test_completion_of_rules(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]
    ) -> None:
        assert self.completed(run, monkeypatch, typed) == offered

    def test_all_that_selects_is_completed(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        names = {name for rule in ALL for name in (rule.name, rule.family, rule.name.partition("-")[0])}
        assert self.completed(run, monkeypatch, "check --select ") == sorted(names)
        assert self.completed(run, monkeypatch, "explain ") == sorted(rule.name for rule in ALL)

    def completed(self, run: Run, monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
        """What a shell offers for a command line of which the last word is not finished."""
        monkeypatch.setenv("_RESLINT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", f"reslint {typed}")
        monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" "))))
        return [line.removeprefix("plain,") for line in run().out.split()]

    def test_unknown_command(self, run: Run) -> None:
        assert run("chekc").status == 2

    def test_rules_lists_all(self, run: Run) -> None:
        assert [rule["name"] for rule in json.loads(run("rules", "--format", "json").out)] == [r.name for r in ALL]

    def test_rules_marks_what_is_for_designs(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.look.ALL", (ADD, DESIGN))
        assert run("rules").out.splitlines()[:3] == [
            "stub",
            "  merge-met   error   proven       Fires at ops of a kind.",
            "  design-met  note    proven    D  Fires at ops of a kind.",
        ]
        assert json.loads(run("rules", "--format", "json").out)[1] == {
            "name": "design-met",
            "family": "stub",
            "severity": "note",
            "confidence": "proven",
            "profiles": ["design"],
            "fixable": False,
            "command": "check",
            "origin": "reslint",
            "summary": "Fires at ops of a kind.",
        }

    def test_explain_of_a_rule_without_a_page(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.look.ALL", (ADD,))
        ran = run("explain", "merge-met")
        assert (ran.status, ran.out) == (2, "")
        assert ran.err == "error: merge-met has no page in this version; `reslint rules` gives a one-line summary\n"

    def test_explain_prints_the_page(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.look.ALL", (ADD,))
        monkeypatch.setattr("reslint.cli.pages.PAGES", (here / "absent", here))
        (here / "merge-met.md").write_text("# merge-met\n")
        assert run("explain", "merge-met", "--format", "markdown").out == "# merge-met\n"
        said = run("explain", "merge-met").out
        assert said.startswith("merge-met  error · proven · family stub · ")
        ran = run("explain", "merge-mat")
        assert ran.status == 2
        assert "did you mean 'merge-met'?" in ran.err

    @pytest.mark.parametrize("rule", [rule.name for rule in ALL])
    def test_every_rule_has_a_page(self, run: Run, rule: str) -> None:
        assert rule in run("explain", rule).out


def test_the_readmes_first_command(run: Run) -> None:
    ran = run("check", *(str(FIXTURES / name) for name in ("resnet50.onnx", "resnet50_broken.onnx")))
    assert ran.status == 1
    assert "resnet50_broken.onnx: layer3.4: error[shortcut-broadcast] " in ran.out
    assert "2 models, 32 residual blocks (24 identity, 8 projection): 1 error, 2 without weights" in ran.out


@pytest.mark.usefixtures("no_rules")
class TestAnatomy:
    def test_json(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("anatomy", "--format", "json", "a.onnx")
        assert ran.status == 0
        found = json.loads(ran.out)
        assert found["schema"] == "reslint.anatomy/1"
        (model,) = found["models"]
        assert set(model) == {"path", "error", "blocks", "merges", "stacks", "depth", "cost"}
        (block,) = model["blocks"]
        assert (block["merge"], block["op"], block["kind"], block["fork"]) == ("y", "Add", "identity", "x")

    def test_unreadable_has_an_entry(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        ran = run("anatomy", "--format", "json", "a.onnx")
        assert ran.status == 2
        assert ran.json["models"][0]["error"] == "is empty; export or download it again"

    def test_signature(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "b.onnx").write_bytes(b"")
        ran = run("anatomy", "--signature", ".")
        assert (ran.status, ran.out) == (2, "a.onnx: [conv 3x3 3x3]\n")
        assert "--signature prints text" in run("anatomy", "--signature", "--format", "svg", "a.onnx").err

    @pytest.mark.parametrize(("style", "starts"), [("dot", 'digraph "a.onnx" {'), ("svg", "<svg xmlns=")])
    def test_pictures(self, run: Run, write: Write, here: Path, style: str, starts: str) -> None:
        write("a.onnx")
        ran = run("anatomy", "--format", style, "a.onnx")
        assert (ran.status, ran.err) == (0, "")
        assert ran.out.startswith(starts)
        assert run("anatomy", "--format", style, "--output", "picture", "a.onnx").out == ""
        assert (here / "picture").read_text("utf-8") == ran.out
        assert run("check", "--format", style, "a.onnx").status == 2

    def test_verbose_says_why(self, run: Run, write: Write) -> None:
        write("a.onnx")
        assert "y  Add  residual, identity: " in run("anatomy", "--verbose", "a.onnx").out


class TestHelp:
    def test_a_command_that_is_none(self, run: Run) -> None:
        ran = run("chek")
        assert ran.status == 2
        assert "no command is called 'chek'; did you mean 'check'?" in ran.err
        assert "the commands are check, anatomy, run" in run("zzz").err

    def test_options_stand_in_groups(self, run: Run) -> None:
        said = run("check", "--help").out
        headings = [line.rstrip(":") for line in said.splitlines() if line.endswith(":") and not line.startswith(" ")]
        assert headings == [
            "Options",
            "Reports and baselines",
            "Models and rules",
            "Output",
            "PyTorch models",
            "Help",
        ]

    @pytest.mark.parametrize("command", COMMANDS)
    def test_summaries_are_whole(self, run: Run, command: str) -> None:
        assert "..." not in next(line for line in run("--help").out.splitlines() if line.startswith(f"  {command} "))

    def test_a_family_is_no_rule(self, run: Run) -> None:
        ran = run("explain", "latency")
        assert ran.err.startswith("error: 'latency' is a family, not a rule; its rules are ")

    @pytest.mark.parametrize("width", [40, 60, 100, 200])
    def test_rules_fit(self, run: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("rules").out.splitlines()
        assert max(map(len, lines[:-1])) <= max(width, 60)
        assert {line for line in lines if line and not line.startswith(" ")} >= {rule.family for rule in ALL}
        assert {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "} == {r.name for r in ALL}

    def test_rules_in_json(self, run: Run) -> None:
        found = {row["name"]: row for row in json.loads(run("rules", "--format", "json").out)}
        assert found["training-mode-op"]["fixable"] is True
        assert found["nonfinite-values"]["command"] == "run"
        assert found["vanishing-gradient"]["command"] == "flow"
        assert found["shortcut-broadcast"]["command"] == "check"
