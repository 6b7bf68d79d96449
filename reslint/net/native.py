"""onnx's C++ runs in a process of its own, because a file of fifty bytes can crash it.

That process is forked when it is first needed, answers one request after the other, and is replaced when it dies. A fork
takes a few milliseconds where a new interpreter takes three hundred. Where there is no safe fork (Windows, macOS), the
C++ runs in the same process.
"""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from reslint.errors import UnreadableModel
from reslint.net.limits import OutOfMemory, allow, memory_limit
from reslint.processes import die_with

Task = Callable[[bytes], bytes]

_FORKS = sys.platform == "linux"
_WORD = 8  # bytes of a length
_PART = 1 << 20
_LARGE = 256 << 20  # bytes after which a process is replaced: what it once took, it may not give back
_DONE, _FAILED, _NO_MEMORY = b"d", b"f", b"m"


class NativeError(Exception):
    """What onnx's C++ said: it refused the model, and no more."""


def natively(task: Task, payload: bytes, what: str, *, memory: int = 0) -> bytes:
    """What a task makes of its payload, in a process that it may crash; `what` is how a user calls the task.

    The task is a function of a module, or a partial of one; it may take `memory` bytes, if less than the limit of the file
    that is being looked at. Raises NativeError where it raises an exception, OutOfMemory where it takes more memory than it
    may, and UnreadableModel where it crashes.
    """
    if not _FORKS:
        return _alone(task, payload)
    most = min(filter(None, (memory, memory_limit())), default=0)
    with _lock:
        server = _running[0] if _running else _started()
        try:
            kind, answer = server.asked(task, payload, most)
        except EOFError:
            _running.clear()
            raise _death(server.ended(), what) from None
        except BaseException:  # an alarm or Ctrl-C: what is still on its way is the answer to no later question
            _running.clear()
            server.stop()
            raise
        if kind == _NO_MEMORY or len(payload) + len(answer) > _LARGE:
            _running.clear()
            server.stop()
    if kind == _NO_MEMORY:
        raise OutOfMemory
    if kind == _FAILED:
        raise NativeError(answer.decode("utf-8", "replace"))
    return answer


def _alone(task: Task, payload: bytes) -> bytes:
    """The same in this process."""
    try:
        return task(payload)
    except MemoryError as error:
        raise OutOfMemory from error
    except Exception as error:  # the errors of onnx's C++ have no base in common
        raise NativeError(str(error)) from error


def _death(status: int, what: str) -> Exception:
    if status == -signal.SIGKILL:  # the system's answer to too little memory
        return OutOfMemory()
    told = f"signal {-status}" if status < 0 else f"status {status}"
    return UnreadableModel(f"made {what} crash ({told}), so it was not checked; is the file damaged?")


@dataclass(frozen=True, slots=True)
class _Server:
    """The process, and the two pipes that lead to it and back."""

    owner: int
    process: int
    requests: int
    answers: int

    def asked(self, task: Task, payload: bytes, memory: int) -> tuple[bytes, bytes]:
        """The kind of its answer, and the answer. Raises EOFError where it died instead."""
        head = pickle.dumps((task, memory))
        try:
            for part in (head, payload):
                _put(self.requests, part)
        except BrokenPipeError as error:
            raise EOFError from error
        return _get(self.answers), _get(self.answers)

    def stop(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        self.ended()

    def ended(self) -> int:
        """How the process ended: its status, or less than 0 for the signal that killed it."""
        os.close(self.requests)
        os.close(self.answers)
        with suppress(ChildProcessError):  # someone else waits for all processes
            return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return -signal.SIGABRT


_lock = threading.Lock()
_running: list[_Server] = []


def _forked() -> None:
    """In a process that somebody else forked from this one: it shares no server, and no lock, with it."""
    global _lock
    _lock = threading.Lock()
    for server in _running:
        os.close(server.requests)
        os.close(server.answers)
    _running.clear()


@atexit.register
def _stop() -> None:
    for server in _running:
        if server.owner == os.getpid():
            server.stop()
    _running.clear()


if _FORKS:
    os.register_at_fork(after_in_child=_forked)


def _started() -> _Server:
    theirs, requests = os.pipe()
    answers, ours = os.pipe()
    asked = os.getpid()
    with _unheard():
        process = os.fork()
    if not process:
        try:
            _begin(theirs, ours, asked)
            _serve()
        finally:
            os._exit(0)
    os.close(theirs)
    os.close(ours)
    server = _Server(os.getpid(), process, requests, answers)
    _running.append(server)
    return server


@contextmanager
def _unheard() -> Iterator[None]:
    """Python warns of forks beside threads, which may hold locks; the ones of numpy and onnx are let go before a fork."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _begin(requests: int, answers: int, asked: int) -> None:
    """Leave all that belongs to the process that asks: its files, its signals, its limits on time."""
    import resource

    nothing = os.open(os.devnull, os.O_RDWR)
    for number, taken in enumerate([os.dup(n) for n in (requests, answers, nothing)]):
        os.dup2(taken, number)  # nothing is heard of the last words of C++
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked gets it, too, and ends this one
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    gc.disable()
    gc.freeze()
    die_with(asked)


def _serve() -> None:
    """Answer requests until there are no more, which is when the process that asks is gone."""
    with suppress(EOFError, BrokenPipeError):
        while True:
            task, memory = pickle.loads(_get(0))  # from the process that this one was forked from
            payload = _get(0)
            for part in _answered(task, payload, memory):
                _put(1, part)


def _answered(task: Task, payload: bytes, memory: int) -> tuple[bytes, bytes]:
    try:
        allow(memory)
        return _DONE, task(payload)
    except MemoryError:
        return _NO_MEMORY, b""
    except Exception as error:  # the errors of onnx's C++ have no base in common
        said = error.args[0] if error.args else ""
        return _FAILED, said if isinstance(said, bytes) else str(error).encode("utf-8", "replace")
    finally:
        allow(0)


def _put(pipe: int, part: bytes) -> None:
    left = memoryview(part)
    os.write(pipe, len(part).to_bytes(_WORD, "little"))
    while left:
        left = left[os.write(pipe, left) :]


def _get(pipe: int) -> bytes:
    size = int.from_bytes(_read(pipe, _WORD), "little")
    return _read(pipe, size)


def _read(pipe: int, size: int) -> bytes:
    """So many bytes. Raises EOFError where the other end is closed before."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(pipe, min(size - len(parts), _PART))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
