"""Many models into tables: rows, resuming, killed runs, faults, reports."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SOUND, Run, Write, parsed
from loopback import Server, answering, serving

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
pytest.importorskip("fsspec")

import pyarrow as pa
import pyarrow.parquet as pq

from reslint.fleet import local
from reslint.fleet.report import connected
from reslint.remote import files

pytestmark = pytest.mark.fleet

BROKEN = SOUND.replace("Add (x, h)", "Add (h, h)")
DOC = Path(__file__).parents[1] / "docs" / "fleet.md"


@pytest.fixture
def folder(write: Write) -> Path:
    for n in range(4):
        write(f"m/{n}.onnx")
    write("m/broken.onnx", BROKEN)
    Path("m/page.onnx").write_bytes(b"<!doctype html>")
    return Path("m")


def rows(table: str, out: str = "out") -> list[dict[str, object]]:
    parts = sorted(Path(out, table).glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def paths(table: str, out: str = "out") -> list[str]:
    return sorted(str(row["path"]) for row in rows(table, out))


class TestTables:
    def test_each_file_is_in_one_table(self, run: Run, folder: Path) -> None:
        ran = run("fleet", "m", "--out", "out")
        assert ran.status == 2
        assert "5 models in out (5 looked at, 0 unchanged): 1 finding, 1 error" in ran.out
        assert paths("models") == [f"m/{name}.onnx" for name in ("0", "1", "2", "3", "broken")]
        assert paths("errors") == ["m/page.onnx"]
        assert [(row["rule"], row["fails"]) for row in rows("findings")] == [("empty-branch", True)]
        first = rows("models")[0]
        assert (first["opset"], first["blocks"], first["kinds"], first["format"]) == (17, 1, [("identity", 1)], "onnx")
        assert first["params"] == 2 * 8 * 8 * 9
        assert Path("out/_SUCCESS").exists()
        said = json.loads(Path("out/run.json").read_text())
        assert (said["schema"], said["models"], said["complete"]) == ("reslint.fleet/1", 5, True)

    def test_status(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx", BROKEN)
        assert run("fleet", "a.onnx", "--out", "a").status == 0
        assert run("fleet", "b.onnx", "--out", "b").status == 1
        assert run("fleet", "b.onnx", "--out", "c", "--fail-on", "never").status == 0

    def test_same_findings_as_check(self, run: Run, folder: Path) -> None:
        told = run("check", "m", "--format", "json", "--profile", "design").json["findings"]
        run("fleet", "m", "--out", "out", "--profile", "design")
        found = [{**row, "evidence": json.loads(str(row.pop("evidence")))} for row in rows("findings")]
        assert [{k: v for k, v in row.items() if k != "fails"} for row in found] == told

    def test_baseline(self, run: Run, folder: Path) -> None:
        run("check", "m/broken.onnx", "--write-baseline", "known.json")
        assert run("fleet", "m/broken.onnx", "--out", "out", "--baseline", "known.json").status == 0
        assert rows("findings") == []
        assert rows("models")[0]["suppressed"] == 1

    def test_sample(self, run: Run, folder: Path) -> None:
        run("fleet", "m", "--out", "out", "--sample", "3")
        assert len(rows("models")) + len(rows("errors")) == 3


class TestSources:
    def test_list_with_duplicates_and_comments(self, run: Run, folder: Path) -> None:
        Path("list").write_text("# models\nm/0.onnx\n\nm/0.onnx\nm/1.onnx\n")
        assert run("fleet", "@list", "--out", "out").status == 0
        assert paths("models") == ["m/0.onnx", "m/1.onnx"]

    def test_broken_lines(self, run: Run, folder: Path) -> None:
        Path("list").write_bytes(b"m/0.onnx\n\xff\xfe\n@other\n")
        ran = run("fleet", "@list", "--out", "out")
        assert ran.status == 2
        assert [line.split(": ")[1] for line in ran.err.splitlines()] == ["@list:2", "@list:3"]
        assert not Path("out").exists()

    def test_manifest(self, run: Run, folder: Path) -> None:
        pq.write_table(pa.table({"path": ["m/0.onnx", None, "m/gone.onnx"]}), "all.parquet")
        assert run("fleet", "all.parquet", "--out", "out").status == 2
        assert (paths("models"), paths("errors")) == (["m/0.onnx"], ["m/gone.onnx"])

    def test_destination_that_is_something_else(self, run: Run, folder: Path) -> None:
        assert "holds something else" in run("fleet", "m/0.onnx", "--out", "m").err
        run("fleet", "m/0.onnx", "--out", "out")
        assert "--resume" in run("fleet", "m/0.onnx", "--out", "out").err
        Path("out/run.json").write_text('{"schema": "reslint.fleet/0"}')
        assert "schema reslint.fleet/0" in run("fleet", "m/0.onnx", "--out", "out", "--resume").err


class TestResuming:
    def test_what_has_not_changed_is_left(self, run: Run, folder: Path, write: Write) -> None:
        run("fleet", "m", "--out", "out")
        assert "(0 looked at, 6 unchanged)" in run("fleet", "m", "--out", "out", "--resume").out
        write("m/broken.onnx")
        os.utime("m/broken.onnx", ns=(1, 1))
        assert "(1 looked at, 5 unchanged): 0 findings" in run("fleet", "m", "--out", "out", "--resume").out
        assert len(paths("models")) == len(set(paths("models"))) == 5
        assert "(5 looked at" in run("fleet", "m", "--out", "out", "--resume", "--profile", "design").out

    def test_error_that_is_mended(self, run: Run, folder: Path, write: Write) -> None:
        run("fleet", "m", "--out", "out")
        write("m/page.onnx")
        run("fleet", "m", "--out", "out", "--resume", "--select", "shortcut")
        assert (len(paths("models")), paths("errors")) == (6, [])

    def test_batch_that_was_not_finished(self, run: Run, folder: Path) -> None:
        run("fleet", "m", "--out", "out", "--batch", "2")
        Path("out/findings/part-000009.parquet").write_bytes(Path("out/findings/part-000003.parquet").read_bytes())
        run("fleet", "m", "--out", "out", "--resume")
        assert len(rows("findings")) == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
    def test_killed(self, run: Run, write: Write) -> None:
        for n in range(60):
            write(f"m/{n}.onnx", BROKEN if n % 3 == 0 else SOUND)
        command = [sys.executable, "-m", "reslint", "fleet", "m", "--out", "out", "--batch", "5", "--resume"]
        for at in range(3):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                wanted = 2 + 3 * at
                while process.poll() is None and len(list(Path("out/models").glob("part-*"))) < wanted:
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
        run("fleet", "m", "--out", "out", "--resume")
        run("fleet", "m", "--out", "whole")
        assert paths("models") == paths("models", "whole")
        assert paths("findings") == paths("findings", "whole")
        assert len(paths("models")) == 60


def shaky(task: int) -> int:
    if task == 5:
        os._exit(1)
    return task


def gone(task: int) -> int:
    return -task


def test_process_that_dies_costs_its_own_task_only() -> None:
    assert list(local.shared(range(9), shaky, gone, 2)) == [0, 1, 2, 3, 4, -5, 6, 7, 8]


class TestRemote:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
        pytest.importorskip("aiohttp")
        monkeypatch.setattr(files, "_PAUSE", 0.001)
        with serving() as one:
            one.files |= {f"{n}.onnx": parsed(SOUND).SerializeToString() for n in range(5)}
            yield one

    def test_unchanged_models_cost_one_request(self, run: Run, server: Server) -> None:
        addresses = [server.address(f"{n}.onnx") for n in range(5)]
        assert run("fleet", *addresses, "--out", "out").status == 0
        assert all(row["requests"] and row["etag"] for row in rows("models"))
        server.asked.clear()
        server.files["3.onnx"] = parsed(BROKEN).SerializeToString()
        assert "(1 looked at, 4 unchanged): 1 finding" in run("fleet", *addresses, "--out", "out", "--resume").out
        assert sum(path != "3.onnx" for _, path in server.asked) == 4

    def test_way_that_failed_is_tried_again(self, run: Run, server: Server) -> None:
        server.faults.append(answering(500))
        assert run("fleet", server.address("0.onnx") + "?sig=hunter2", "--out", "out").status == 2
        server.faults.clear()
        assert run("fleet", server.address("0.onnx") + "?sig=hunter3", "--out", "out", "--resume").status == 0
        assert (len(rows("models")), rows("errors")) == (1, [])
        assert not any(b"hunter" in file.read_bytes() for file in Path("out").rglob("*") if file.is_file())

    def test_tables_in_a_store(self, run: Run, folder: Path) -> None:
        import fsspec

        try:
            assert run("fleet", "m/0.onnx", "--out", "memory://tables").status == 0
            assert fsspec.filesystem("memory").exists("/tables/_SUCCESS")
            assert "1 unchanged" in run("fleet", "m/0.onnx", "--out", "memory://tables", "--resume").out
        finally:
            fsspec.filesystem("memory").rm("/tables", recursive=True)


class TestReport:
    @pytest.mark.parametrize("style", ["text", "markdown", "html"])
    def test_formats(self, run: Run, folder: Path, style: str) -> None:
        run("fleet", "m", "--out", "out")
        told = run("fleet", "report", "out", "--format", style).out
        assert "Families of equal skeletons" in told
        assert "empty-branch" in told

    def test_new_since_another_run(self, run: Run, folder: Path) -> None:
        run("fleet", "m/0.onnx", "--out", "old")
        run("fleet", "m", "--out", "out")
        told = run("fleet", "report", "out", "--since", "old", "--format", "markdown").out
        assert "| m/broken.onnx | empty-branch |" in told.partition("## New findings")[2]

    def test_no_tables(self, run: Run, folder: Path) -> None:
        assert "holds no tables" in run("fleet", "report", "m").err


@pytest.mark.parametrize(
    "query", re.findall(r"```sql\n(.*?)```", DOC.read_text("utf-8"), re.DOTALL) if DOC.exists() else []
)
def test_queries_of_the_page(run: Run, folder: Path, query: str) -> None:
    run("fleet", "m", "--out", "out")
    found = connected("out").execute(query)
    assert found.description
    found.fetchall()
