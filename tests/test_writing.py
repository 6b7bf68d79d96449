"""Where results go: a plain file is replaced whole or not at all; anything else is written to, and never replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import onnx
import pytest
from conftest import Run, Write, parsed

from reslint.cli.inputs.search import search
from reslint.config import Config
from reslint.mend import mended, write
from reslint.writing import ReadOnly, put

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
pytestmark = posix
TRAINED = """
agraph (float[1, 8, 4, 4] x) => (float[1, 8, 4, 4] y)
<float[8, 8, 1, 1] w, float[8] s, float[8] b, float[8] mean, float[8] variance>
{
    f = Conv (x, w)
    n, m, v = BatchNormalization <training_mode = 1> (f, s, b, mean, variance)
    r = Relu (n)
    g = Conv (r, w)
    y = Add (x, g)
}
"""


class TestPut:
    def test_a_plain_file_keeps_its_rights(self, tmp_path: Path) -> None:
        file = tmp_path / "out.txt"
        file.write_text("before")
        file.chmod(0o640)
        put(file, b"after")
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"after", 0o640)
        assert os.listdir(tmp_path) == ["out.txt"]

    def test_a_link_stays_and_what_it_leads_to_is_written(self, tmp_path: Path) -> None:
        (tmp_path / "far.txt").write_text("before")
        (tmp_path / "link.txt").symlink_to("far.txt")
        put(tmp_path / "link.txt", b"after")
        assert (tmp_path / "link.txt").is_symlink()
        assert (tmp_path / "far.txt").read_bytes() == b"after"

    def test_a_file_of_two_names(self, tmp_path: Path) -> None:
        (tmp_path / "one.txt").write_text("before")
        os.link(tmp_path / "one.txt", tmp_path / "two.txt")
        put(tmp_path / "one.txt", b"after")
        assert (tmp_path / "two.txt").read_bytes() == b"after"

    def test_a_pipe(self, tmp_path: Path) -> None:
        pipe, heard = tmp_path / "pipe", []
        os.mkfifo(pipe)
        reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
        reader.start()
        put(pipe, b"after")
        reader.join()
        assert heard == [b"after"]
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    @pytest.mark.parametrize("device", ["/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    def test_a_device(self, device: str, tmp_path: Path) -> None:
        code = f"from pathlib import Path\nfrom reslint.writing import put\nprint('a')\nput(Path({device!r}), b'b')\nprint('c')"
        with (tmp_path / "heard").open("wb") as heard:
            subprocess.run([sys.executable, "-c", code], stdout=heard, check=True)
        told = (tmp_path / "heard").read_text()
        assert told == ("a\nc\n" if device == "/dev/null" else "a\nbc\n")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    def test_a_read_only_file(self, tmp_path: Path) -> None:
        file = tmp_path / "out.txt"
        file.write_text("before")
        file.chmod(0o444)
        with pytest.raises(ReadOnly):
            put(file, b"after")
        assert file.read_text() == "before"

    def test_no_room(self, tmp_path: Path) -> None:
        code = "import resource\nfrom pathlib import Path\nfrom reslint.writing import put\n"
        code += "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        code += "try:\n    put(Path('out'), bytes(99))\nexcept OSError:\n    print('no')"
        ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert ran.stdout == "no\n"
        assert list(tmp_path.iterdir()) == []


class TestReports:
    @pytest.mark.parametrize("option", ["--output", "--report"])
    def test_the_command_line(self, option: str, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "far.json").write_text("")
        (here / "link.json").symlink_to("far.json")
        told = ("--format", "json", option, "link.json") if option == "--output" else (option, "json=link.json")
        assert run("check", "a.onnx", *told).status == 0
        assert (here / "link.json").is_symlink()
        assert "a.onnx" in (here / "far.json").read_text()
        (here / "far.json").chmod(0o400)
        ran = run("check", "a.onnx", *told)
        assert ran.status == 2
        assert "can't be written: it is read-only" in ran.err


class TestFix:
    def model(self, here: Path) -> Path:
        file = here / "m.onnx"
        onnx.save(parsed(TRAINED), file)
        return file

    def test_rights_and_attributes_stay(self, tmp_path: Path) -> None:
        file = self.model(tmp_path)
        file.chmod(0o640)
        try:
            os.setxattr(file, "user.note", b"mine")
        except (OSError, AttributeError):
            pytest.skip("no extended attributes here")
        plan = mended(str(file), Config(profile="design"))
        assert plan.done
        write(plan)
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert os.getxattr(file, "user.note") == b"mine"

    def test_hard_links_and_read_only_files_are_left(self, tmp_path: Path) -> None:
        file = self.model(tmp_path)
        os.link(file, tmp_path / "other.onnx")
        plan = mended(str(file), Config(profile="design"))
        assert not plan.done
        assert {says.partition(" (")[0] for _, says in plan.refused} == {"has 2 names"}
        (tmp_path / "other.onnx").unlink()
        file.chmod(0o444)
        plan = mended(str(file), Config(profile="design"))
        assert {says.partition(";")[0] for _, says in plan.refused} == {"it is read-only"}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only the superuser can stop being it")
def test_a_folder_that_cant_be_entered(tmp_path: Path) -> None:
    for name in ("open", "listed", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.onnx").write_bytes(b"")
    tmp_path.chmod(0o755)
    (tmp_path / "listed").chmod(0o744)
    (tmp_path / "shut").chmod(0o700)
    for above in tmp_path.parents:
        if above.is_relative_to("/tmp") and above != Path("/tmp"):
            above.chmod(0o755)
    told: dict[str, str] = {}
    os.seteuid(65534)
    try:
        found = list(search(str(tmp_path), told.__setitem__))
    finally:
        os.seteuid(0)
    assert sorted(Path(path).parent.name for path in found) == ["listed", "open"]
    assert {Path(path).name: says.rpartition(": ")[2] for path, says in told.items()} == {"shut": "Permission denied"}
