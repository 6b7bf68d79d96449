"""A server of files on this machine that has faults on demand, for the tests of remote paths and for bench/fleet.py."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")

Fault = Callable[["Server", BaseHTTPRequestHandler, str], bool]
"""Answers a request in its own way and says so, or leaves it."""


@dataclass
class Server:
    """The files by path, and what was asked for and sent."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    announced: bool = True
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            server.asked.append((self.command, path))
            server.headers.append(dict(self.headers.items()))
            if any(fault(server, self, path) for fault in server.faults):
                return
            content = server.files.get(path)
            if content is None:
                self.send_error(404)
                return
            tag = f'"{hash(content) & 0xFFFFFFFFFFFF:x}"'  # bytes keep their hash
            if self.headers.get("If-Match", tag) != tag:
                self.send_error(412)
                return
            found = _RANGE.fullmatch(self.headers.get("Range", "")) if server.ranges else None
            part = content[int(found[1]) : int(found[2]) + 1] if found else content
            self.send_response(206 if found else 200)
            if found:
                self.send_header("Content-Range", f"bytes {found[1]}-{found[2]}/{len(content)}")
            if not server.ranges and server.announced:
                self.send_header("Accept-Ranges", "none")
            self.send_header("Content-Length", str(len(part)))
            self.send_header("ETag", tag)
            self.end_headers()
            if body:
                server.sent[path] += len(part)
                self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Server]:
    """A server that is gone at the end."""
    server = Server()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    listener.daemon_threads = True
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def answering(status: int, times: int = 10**9, method: str = "", **headers: str) -> Fault:
    """Answer so often with a status."""
    left = [times]

    def fault(server: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
        if left[0] <= 0 or method and request.command != method:
            return False
        left[0] -= 1
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    return fault


def cutting(times: int) -> Fault:
    """Cut so many answers in the middle."""
    left = [times]

    def fault(server: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
        if left[0] <= 0 or request.command != "GET":
            return False
        left[0] -= 1
        request.send_response(206)
        request.send_header("Content-Length", "5000")
        request.send_header("Content-Range", "bytes 0-4999/100000")
        request.end_headers()
        request.wfile.write(b"x" * 100)
        request.close_connection = True
        return True

    return fault
