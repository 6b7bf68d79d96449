"""Remote models: read by ranges from a server on this machine, which has faults."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SOUND, Run, parsed
from loopback import Server, answering, cutting, serving
from onnx import helper, numpy_helper

from reslint.remote import files
from reslint.remote.address import is_remote, redacted, shown

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
pytestmark = pytest.mark.remote

MB = 1_000_000


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PAUSE", 0.001)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        one.files["m.onnx"] = parsed(SOUND).SerializeToString()
        yield one


def heavy(layers: int, width: int) -> bytes:
    """A residual perceptron with weights of width x width, the weights inside."""
    nodes, weights, stream = [], [], "x"
    for n in range(layers):
        nodes += [
            helper.make_node("MatMul", [stream, f"w{n}"], [f"f{n}"]),
            helper.make_node("Relu", [f"f{n}"], [f"g{n}"]),
            helper.make_node("Add", [stream, f"g{n}"], [f"s{n}"]),
        ]
        weights.append(numpy_helper.from_array(np.full((width, width), 0.5 + n, np.float32), f"w{n}"))
        stream = f"s{n}"
    made = [helper.make_tensor_value_info(name, 1, [1, width]) for name in ("x", stream)]
    return helper.make_model(helper.make_graph(nodes, "g", made[:1], made[1:], weights)).SerializeToString()


def external(location: str) -> bytes:
    """A model whose one weight lies in a file beside it."""
    weight = onnx.TensorProto(name="w", dims=[64, 64], data_type=1, data_location="EXTERNAL")
    weight.external_data.add(key="location", value=location)
    x, y = (helper.make_tensor_value_info(name, 1, [1, 64]) for name in "xy")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    return helper.make_model(graph).SerializeToString()


class TestAddresses:
    @pytest.mark.parametrize("path", ["s3://b/m.onnx", "https://h/m.onnx", "hf://org/repo/m.onnx", "memory://m"])
    def test_remote(self, path: str) -> None:
        assert is_remote(path)

    @pytest.mark.parametrize("path", ["m.onnx", "C:\\m.onnx", "c://m.onnx", "/a/b://c", "pkg.mod:factory"])
    def test_local(self, path: str) -> None:
        assert not is_remote(path)

    def test_what_opens_doors_is_not_shown(self) -> None:
        signed = "https://me:pass@host/m.onnx?X-Amz-Signature=abc123&versionId=7"
        assert shown(signed) == "https://host/m.onnx?X-Amz-Signature=…&versionId=7"
        assert redacted(f"GET {signed} failed") == "GET https://host/m.onnx?X-Amz-Signature=…&versionId=7 failed"
        assert shown("s3://key:secret@bucket/m.onnx") == "s3://bucket/m.onnx"


class TestReading:
    def test_same_findings_as_of_the_file(self, run: Run, server: Server, here: Path) -> None:
        (here / "m.onnx").write_bytes(server.files["m.onnx"])
        local, far = (
            run("check", "m.onnx", "--profile", "design"),
            run("check", server.address("m.onnx"), "--profile", "design"),
        )
        assert far.status == local.status
        assert far.out.replace(server.address("m.onnx"), "m.onnx").partition(" (")[0] == local.out.partition(" (")[0]

    def test_weights_are_stepped_over(self, run: Run, server: Server) -> None:
        server.files["m.onnx"] = heavy(12, 1024)
        assert len(server.files["m.onnx"]) > 48 * MB
        ran = run("anatomy", server.address("m.onnx"))
        assert ran.status == 0
        assert "12 residual blocks" in ran.out
        assert server.sent["m.onnx"] < 1.5 * MB
        assert len(server.asked) < 60

    def test_external_data_is_asked_for_its_length_only(self, run: Run, server: Server) -> None:
        server.files |= {"e/m.onnx": external("m.onnx.data"), "e/m.onnx.data": bytes(64 * 64 * 4)}
        ran = run("check", server.address("e/m.onnx"))
        assert (ran.status, ran.err) == (0, "")
        assert server.sent["e/m.onnx.data"] <= 1024

    @pytest.mark.parametrize(
        ("location", "says"),
        [("gone.data", "is missing"), ("../up.data", "lies outside"), ("http://x/y", "lies outside")],
    )
    def test_external_data_that_is_amiss(self, run: Run, server: Server, location: str, says: str) -> None:
        server.files["e/m.onnx"] = external(location)
        ran = run("check", server.address("e/m.onnx"))
        assert ran.status == 0
        assert f"external data {location!r} {says}" in ran.err

    def test_text(self, run: Run, server: Server) -> None:
        server.files["m.onnxtxt"] = f'<ir_version: 8, opset_import: ["": 17]>{SOUND}'.encode()
        assert run("anatomy", server.address("m.onnxtxt")).status == 0

    def test_folder_of_a_store(self, run: Run) -> None:
        import fsspec

        memory = fsspec.filesystem("memory")
        memory.pipe("/models/a.onnx", parsed(SOUND).SerializeToString())
        memory.pipe("/models/deep/b.onnx", parsed(SOUND).SerializeToString())
        memory.pipe("/models/c.bin", b"no model")
        try:
            assert "2 models" in run("check", "memory://models/").out
            assert "1 model" in run("check", "memory://models/*.onnx").out
        finally:
            memory.rm("/models", recursive=True)


class TestFaults:
    def test_redirect(self, run: Run, server: Server) -> None:
        def moved(_: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
            return path == "old.onnx" and answering(302, Location="/m.onnx")(server, request, path)

        server.faults.append(moved)
        assert run("check", server.address("old.onnx")).status == 0

    def test_endless_redirect(self, run: Run, server: Server) -> None:
        server.faults.append(answering(302, Location="/m.onnx"))
        ran = run("check", server.address("m.onnx"))
        assert ran.status == 2
        assert "redirected without an end" in ran.err

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_busy_servers_are_asked_again(self, run: Run, server: Server, status: int) -> None:
        server.faults.append(answering(status, times=3))
        assert run("check", server.address("m.onnx")).status == 0

    def test_cut_connections(self, run: Run, server: Server) -> None:
        server.faults.append(cutting(2))
        assert run("check", server.address("m.onnx")).status == 0

    @pytest.mark.parametrize(
        ("status", "says"),
        [(404, "is not there"), (403, "403 Forbidden"), (401, "give the rights"), (500, "500 Internal")],
    )
    def test_what_stays_wrong_is_one_line(self, run: Run, server: Server, status: int, says: str) -> None:
        server.faults.append(answering(status))
        secret = server.address("m.onnx").replace("//", "//me:hunter2@") + "?sig=hunter3"
        ran = run("check", secret, server.address("n.onnx"))
        assert ran.status == 2
        assert says in ran.err.splitlines()[0]
        assert len(ran.err.splitlines()) == 2
        assert "hunter" not in ran.err + ran.out

    def test_unreachable(self, run: Run) -> None:
        ran = run("check", "http://127.0.0.1:9/m.onnx")
        assert ran.status == 2
        assert "can't be read" in ran.err

    @pytest.mark.parametrize("announced", [True, False])
    def test_server_without_ranges(self, run: Run, server: Server, announced: bool) -> None:
        server.ranges, server.announced = False, announced
        server.files["m.onnx"] = heavy(2, 256)
        ran = run("check", server.address("m.onnx"))
        assert ran.status == 0
        assert "gives whole files only" in ran.err

    def test_whole_files_are_bounded(self, run: Run, server: Server) -> None:
        server.ranges = False
        server.files["m.onnx"] = heavy(2, 256)
        ran = run("check", server.address("m.onnx"), "--max-download", "0.0001")
        assert ran.status == 2
        assert "allow it with --max-download" in ran.err
        assert server.sent["m.onnx"] == 0

    def test_wrong_length(self, run: Run, server: Server) -> None:
        def longer(_: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
            if request.command != "HEAD":
                return False
            request.send_response(200)
            request.send_header("Content-Length", "100000")
            request.end_headers()
            return True

        server.faults.append(longer)
        ran = run("check", server.address("m.onnx"))
        assert ran.status == 2
        assert len(ran.err.splitlines()) == 1

    def test_file_that_changes_once_is_read_anew(self, run: Run, server: Server) -> None:
        old, new = heavy(4, 256), heavy(6, 256)
        server.files["m.onnx"] = old

        def changing(_: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
            if len(server.asked) == 4:
                server.files["m.onnx"] = new
            return False

        server.faults.append(changing)
        assert "6 residual blocks" in run("anatomy", server.address("m.onnx")).out

    def test_file_that_keeps_changing(self, run: Run, server: Server) -> None:
        def changing(_: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
            server.files["m.onnx"] = heavy(2 + len(server.asked) % 3, 64)
            return False

        server.faults.append(changing)
        ran = run("check", server.address("m.onnx"))
        assert ran.status == 2
        assert "changed while it was read" in ran.err

    def test_web_page(self, run: Run, server: Server) -> None:
        server.files["m.onnx"] = b"<!DOCTYPE html><html></html>"
        assert "is a web page" in run("check", server.address("m.onnx")).err

    def test_filesystem_that_is_not_installed(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "gcsfs", None)
        ran = run("check", "gs://bucket/m.onnx")
        assert ran.status == 2
        assert "pip install gcsfs" in ran.err

    def test_unknown_filesystem(self, run: Run) -> None:
        assert "no filesystem that is known: nofs://" in run("check", "nofs://bucket/m.onnx").err
