"""How much time and memory a look at one file may take, and what is said of a file that takes more."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType

from reslint.errors import UnreadableModel

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds on the clock and bytes of memory for each file; 0 is no limit."""

    seconds: float = 0
    memory: int = 0


class OutOfMemory(UnreadableModel):
    """The file takes more memory than it may, or than there is."""

    def __init__(self, memory: int = 0) -> None:
        more = f"than {memory / _GB:.3g} GB; allow more with --limit-memory" if memory else "than the machine has"
        super().__init__(f"takes more memory {more}")


class OutOfTime(UnreadableModel):
    """The file takes more time than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"was given up after {seconds:g} s; allow more time with --limit-seconds")


class _Late(BaseException):
    """The alarm. No error: what catches all errors must not catch it."""


_MEMORY: ContextVar[int] = ContextVar("memory", default=0)


def memory_limit() -> int:
    """How many bytes the file that is being looked at may take; 0 for any number."""
    return _MEMORY.get()


@contextmanager
def bounded(limits: Limits) -> Iterator[None]:
    """Look at a file within limits. Raises OutOfMemory or OutOfTime where it takes more.

    Windows has neither limit, and macOS none of memory. Time only ends what the first thread of a process does.
    """
    token = _MEMORY.set(limits.memory)
    try:
        with _alarm(limits.seconds), _address_space(limits.memory):
            yield
    except (MemoryError, OutOfMemory) as error:
        raise OutOfMemory(limits.memory) from error
    except _Late as late:
        raise OutOfTime(limits.seconds) from late
    finally:
        _MEMORY.reset(token)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if not seconds or sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(number: int, frame: FrameType | None) -> None:
    raise _Late


@contextmanager
def _address_space(memory: int) -> Iterator[None]:
    if not memory or sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    allow(memory)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def allow(memory: int) -> None:
    """Let this process take so many bytes beside those that it has already (Linux only); 0 is no limit of ours."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", "rb") as file:
        taken = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    wanted = taken + memory if memory else resource.RLIM_INFINITY
    within = (
        hard if wanted == resource.RLIM_INFINITY else wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    )
    resource.setrlimit(resource.RLIMIT_AS, (within, hard))
