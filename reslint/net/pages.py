"""A file in, its bytes out where they are asked for: read, not mapped.

A mapped file that becomes shorter ends the process that looks at it (SIGBUS); one that is read only gives fewer bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import overload

from reslint.errors import UnreadableModel

_WINDOW = 1 << 18
"""Bytes that are read at once and kept, since structure is looked at byte by byte."""


class Pages:
    """The bytes of an open file, of which a window is held at a time. It must not be shared between threads."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._size = os.fstat(number).st_size
        self._start = 0
        self._window = b""

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...
    def __getitem__(self, place: int | slice) -> int | bytes:
        if isinstance(place, int):
            at = place - self._start
            if not 0 <= at < len(self._window):
                self._move(place)
                at = place - self._start
            return self._window[at]
        start, stop, _ = place.indices(self._size)
        if stop <= start:
            return b""
        if self._start <= start and stop <= self._start + len(self._window):
            return self._window[start - self._start : stop - self._start]
        return self._read(start, stop - start)

    def _move(self, place: int) -> None:
        """Hold the window that a byte lies in."""
        start = place - place % _WINDOW
        self._window = self._read(start, min(_WINDOW, self._size - start))
        self._start = start

    def _read(self, start: int, size: int) -> bytes:
        """So many bytes. Raises UnreadableModel where there are fewer than there were."""
        parts = []
        while size:
            part = os.pread(self._number, size, start)
            if not part:
                raise UnreadableModel("became shorter while it was read; let what writes it end, and check it again")
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def pages(path: Path) -> Iterator[Pages]:
    """The bytes of a file. Raises UnreadableModel for a pipe, which would be waited for, and a device, which may not end."""
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise UnreadableModel(f"can't be opened: it is {_kind(os.fstat(number).st_mode)} and no file")
        yield Pages(number)
    finally:
        os.close(number)


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"
