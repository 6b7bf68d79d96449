"""What is remembered of a model, when it is believed, and that nothing shows it but the time; and work that is shared out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing import active_children, util
from multiprocessing.context import BaseContext
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SOUND, Run, Write, parsed
from onnx import numpy_helper

from reslint.cache import Cache, stamps
from reslint.cli.inputs.workers import Sight, _shared
from reslint.config import Config
from reslint.finding import Confidence, Finding, Severity
from reslint.look import Seen
from reslint.result import Looked, Suppressed

DOUBLED = SOUND.replace("Add (x, h)", "Add (h, h)")
HEAVY = ("onnx", "networkx", "numpy", "rich", "google")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as settled as soon as they are written."""
    monkeypatch.setattr("reslint.cache._TICK", -(1 << 62))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, settled: None) -> list[str]:
    """The paths that are really looked at."""
    from reslint import look as door
    from reslint.cli.inputs import workers as fresh

    found: list[str] = []
    real = door.look

    def look(path: str, config: Config, *, drawn: bool = False) -> Seen:
        found.append(path)
        return real(path, config, drawn=drawn)

    monkeypatch.setattr(fresh, "look", look)
    return found


class TestWhatIsRemembered:
    def test_the_second_run_looks_at_nothing_and_says_the_same(self, run: Run, write: Write, looks: list[str]) -> None:
        write("a.onnx", DOUBLED)
        write("b.onnx")
        for style in ("json", "sarif", "markdown", "github"):
            looks.clear()
            first, second = (run("check", ".", "--format", style, *more) for more in (("--no-cache",), ()))
            assert first == second
        assert looks == ["a.onnx", "b.onnx"]
        told = [line for line in run("check", ".", "-v").out.splitlines() if " s)" not in line]
        assert told == [line for line in run("check", ".", "-v", "--no-cache").out.splitlines() if " s)" not in line]

    def test_a_changed_model_is_looked_at_anew(self, run: Run, write: Write, looks: list[str]) -> None:
        write("a.onnx", DOUBLED)
        write("b.onnx")
        assert run("check", ".").status == 1
        write("a.onnx")
        looks.clear()
        assert run("check", ".").status == 0
        assert looks == ["a.onnx"]

    def test_other_settings_are_another_answer(self, run: Run, write: Write, here: Path, looks: list[str]) -> None:
        write("a.onnx", DOUBLED)
        assert run("check", ".").status == 1
        assert run("check", ".", "--ignore", "empty-branch").status == 0
        (here / "reslint.toml").write_text('[severity]\nempty-branch = "note"')
        assert run("check", ".").status == 0
        assert len(looks) == 3

    def test_what_failed_is_tried_again(self, run: Run, here: Path, looks: list[str]) -> None:
        (here / "a.onnx").write_bytes(b"")
        assert [run("check", "a.onnx").status for _ in range(2)] == [2, 2]
        assert looks == ["a.onnx"] * 2

    def test_weights_in_another_file_count(self, run: Run, here: Path, looks: list[str]) -> None:
        model = parsed(SOUND)
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(np.ones((8, 8, 3, 3), np.float32), tensor.name))
        onnx.save(model, here / "a.onnx", save_as_external_data=True, location="a.data", size_threshold=0)
        assert run("check", "a.onnx").err == ""
        (here / "a.data").unlink()
        assert "missing" in run("check", "a.onnx").err
        assert "missing" in run("check", "a.onnx").err
        assert len(looks) == 2

    def test_allowed_findings_stay_counted_and_their_entries_used(
        self, run: Run, write: Write, here: Path, looks: list[str]
    ) -> None:
        write("a.onnx", DOUBLED)
        (here / "reslint.toml").write_text('[[allow]]\nrule = "empty-branch"\nreason = "known"')
        first, second = (run("check", "a.onnx", "--format", "json") for _ in range(2))
        assert first == second
        assert first.json["summary"]["suppressed"] == 1  # type: ignore[call-overload]
        assert looks == ["a.onnx"]

    def test_no_cache(self, run: Run, write: Write, looks: list[str], own_cache: Path) -> None:
        write("a.onnx")
        for _ in range(2):
            run("check", "a.onnx", "--no-cache")
        assert len(looks) == 2
        assert not list(own_cache.iterdir())

    @pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"files": [], "looked": {}}', b'{"files": [["a", 1]]}'])
    def test_a_broken_entry_is_made_anew(
        self, run: Run, write: Write, looks: list[str], own_cache: Path, rubbish: bytes
    ) -> None:
        write("a.onnx", DOUBLED)
        first = run("check", "a.onnx", "--format", "json")
        for entry in own_cache.iterdir():
            entry.write_bytes(rubbish)
        again = [run("check", "a.onnx", "--format", "json") for _ in range(2)]
        assert [first, first] == again
        assert len(looks) == 2

    def test_a_folder_that_can_not_be_written_is_no_cache(
        self, run: Run, write: Write, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("a.onnx", DOUBLED)
        (here / "file").write_text("")
        monkeypatch.setenv("RESLINT_CACHE_DIR", str(here / "file" / "cache"))
        ran = run("check", "a.onnx")
        assert (ran.status, ran.err) == (1, "")


def test_an_answer_from_the_cache_needs_no_onnx(write: Write, here: Path) -> None:
    write("a.onnx", DOUBLED)
    time.sleep(0.1)  # until its times would show a change

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-X", "importtime", "-m", "reslint", "check", "a.onnx", "--format", "sarif"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    first, second = check(), check()
    assert first.stdout == second.stdout
    assert first.returncode == second.returncode == 1
    imported = [
        {line.rpartition("|")[2].strip().partition(".")[0] for line in ended.stderr.splitlines() if "|" in line}
        for ended in (first, second)
    ]
    assert "onnx" in imported[0]
    assert imported[1].isdisjoint(HEAVY)


class TestEntries:
    def looked(self, path: Path) -> Looked:
        finding = Finding(
            "empty-branch", "shortcut", Severity.ERROR, Confidence.PROVEN, "says\ud800", str(path), "t", "n", "help",
            related=("a",), file="f.py", line=3, evidence={"x": [1, 2.5, None]}, lines=(("a", "b"),), place=4,
        )  # fmt: skip
        known = (Suppressed(finding, "known"),)
        return Looked(
            str(path),
            None,
            ("w",),
            {"identity": 2},
            (finding,),
            False,
            "",
            known,
            (0,),
            ("empty-branch",),
        )

    @pytest.mark.usefixtures("settled")
    def test_whole(self, here: Path) -> None:
        file = here / "a"
        file.write_text("x")
        held = Cache(here / "cache", Config())
        looked = self.looked(file)
        held.keep(looked, stamps([str(file)]))
        assert held.found(str(file)) == looked

    def test_a_file_that_changed_just_now_may_change_again(self, here: Path) -> None:
        file = here / "a"
        file.write_text("x")
        held = Cache(here / "cache", Config())
        held.keep(self.looked(file), stamps([str(file)]))
        assert held.found(str(file)) is None

    @pytest.mark.usefixtures("settled")
    def test_a_file_that_changed_while_it_was_looked_at(self, here: Path) -> None:
        file = here / "a"
        file.write_text("x")
        before = stamps([str(file)])
        file.write_text("longer")
        held = Cache(here / "cache", Config())
        held.keep(self.looked(file), before)
        assert held.found(str(file)) is None

    def test_old_entries_go(self, here: Path) -> None:
        for name, age in (("old", 40 * 86_400), ("new", 0)):
            (here / name).write_text("{}")
            os.utime(here / name, (time.time() - age,) * 2)
        Cache(here, Config()).tidy()
        assert [path.name for path in here.iterdir()] == ["new"]


class TestSharedWork:
    def test_order_and_bytes_are_those_of_one_process(
        self, run: Run, write: Write, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in "dbac":
            write(f"{name}.onnx", DOUBLED)
        (here / "bad.onnx").write_bytes(b"")
        alone = run("check", ".", "--format", "json", "--no-cache")
        monkeypatch.setattr("reslint.cli.inputs.workers.PAYS", 0.0)
        monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
        shared: list[int] = []
        monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", _counting(shared))
        assert run("check", ".", "--format", "json", "--no-cache") == alone
        assert shared == [2]
        assert [file["status"] for file in alone.json["files"]].count("failed") == 1

    def test_processes_go_when_nobody_wants_the_rest(self) -> None:
        sights = _shared([str(number) for number in range(50)], _slow, 2)
        assert next(sights) == (Looked("0"), ())
        assert isinstance(sights, Generator)
        sights.close()  # as Ctrl-C does
        assert not active_children()

    @pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals can't be held back here")
    def test_processes_begin_without_ctrl_c(self) -> None:
        assert [looked.error for looked, _ in _shared(["a"], _held_back, 1)] == ["held"]

    @pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals can't be held back here")
    def test_ctrl_c_waits_until_all_processes_have_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that has begun by half fails aloud; numpy's threads get the signal while it is held back from the first one."""
        begun: list[int] = []
        asked, pressed = threading.Event(), threading.Event()

        def press() -> None:
            asked.wait()
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            pressed.set()

        def begin(path: bytes, arguments: Sequence[bytes], passed: Sequence[int]) -> int:
            begun.append(spawn(path, arguments, passed))
            asked.set()
            pressed.wait()
            return begun[-1]

        spawn = util.spawnv_passfds
        ensure_running()
        monkeypatch.setattr(util, "spawnv_passfds", begin)
        threading.Thread(target=press, daemon=True).start()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
        try:
            with pytest.raises(KeyboardInterrupt):
                list(_shared(["b", "b"], _forever, 2))
        finally:
            signal.signal(signal.SIGINT, before)
        assert len(begun) == 2
        assert not active_children()

    @pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
    def test_processes_go_with_a_killed_one(self, here: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", _ASKING],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its keeper of semaphores complains
            cwd=Path(__file__).parent,
        ) as asking:
            assert asking.stdout is not None
            assert asking.stdout.readline() == b"begun\n"
            asking.kill()
            assert asking.stdout.read() == b""  # ends when the last process that holds it has gone

    def test_few_small_models_are_not_shared_out(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in "ab":
            write(f"{name}.onnx")
        monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", None)
        assert run("check", ".", "--no-cache").status == 0


_ASKING = """
from reslint.cli.inputs.workers import _shared
from test_cache import _forever
if __name__ == "__main__":
    sights = _shared(["a", "b"], _forever, 2)
    next(sights)
    print("begun", flush=True)
    next(sights)
"""


def _slow(path: str) -> Sight:
    time.sleep(0.05 * int(path))
    return Looked(path), ()


def _forever(path: str) -> Sight:
    while path == "b":
        time.sleep(0.1)
    return Looked(path), ()


def _held_back(path: str) -> Sight:
    held = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return Looked(path, error="held" if held else "not held"), ()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_full_disk_is_said_in_one_line(write: Write, here: Path) -> None:
    write("a.onnx")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "reslint", "check", "a.onnx", "--no-cache"]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=here)
    assert (ran.returncode, ran.stderr) == (2, "error: standard output can't be written: No space left on device\n")


def test_closed_pipe_is_quiet(write: Write, here: Path) -> None:
    write("a.onnx")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "reslint", "check", "a.onnx", "--no-cache"]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=here)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


def _counting(made: list[int]) -> object:
    from concurrent.futures import ProcessPoolExecutor

    def counted(workers: int, context: BaseContext, begin: Callable[[], None]) -> ProcessPoolExecutor:
        made.append(workers)
        return ProcessPoolExecutor(workers, context, begin)

    return counted


def test_without_paths_the_configuration_names_them(run: Run, write: Write, here: Path) -> None:
    write("models/a.onnx")
    write("other/b.onnx")
    (here / "reslint.toml").write_text('paths = ["models"]')
    files = json.loads(run("check", "--format", "json").out)["files"]
    assert [file["path"] for file in files] == ["models/a.onnx"]
    (here / "models").joinpath("a.onnx").unlink()
    ran = run("check")
    assert (ran.status, ran.err) == (2, "models: error: no model found here\n")
