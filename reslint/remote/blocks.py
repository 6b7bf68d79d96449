"""The bytes of a file in a store, by blocks that are kept: small steps where a walk jumps, large ones where it goes on.

The caches of fsspec have one size of block. Of a model some megabytes lie in a row, the nodes; the weights behind them are
stepped over, and of each only the few bytes before it are wanted.
"""

from __future__ import annotations

from reslint.net.pages import Pages
from reslint.remote.files import File

_BLOCK = 1 << 14
_LONGEST = 32  # blocks that are fetched at once


class Blocks(Pages):
    """The bytes of a file in a store, as those of a local file are read."""

    def __init__(self, file: File, size: int) -> None:
        self._file = file
        self._size = size
        self._start = 0
        self._window = b""
        self._blocks: dict[int, bytes] = {}
        self._next = 0
        self._run = 1

    def holds(self, start: int, size: int) -> bool:
        """Whether these bytes have been fetched."""
        return all(block in self._blocks for block in range(start // _BLOCK, -(-(start + size) // _BLOCK)))

    def _move(self, place: int) -> None:
        number = place // _BLOCK
        self._fetch(number, number + 1)
        self._start, self._window = number * _BLOCK, self._blocks[number]

    def _read(self, start: int, size: int) -> bytes:
        first, end = start // _BLOCK, -(-(start + size) // _BLOCK)
        self._fetch(first, end)
        held = b"".join(self._blocks[number] for number in range(first, end))
        return held[start - first * _BLOCK :][:size]

    def _fetch(self, first: int, end: int) -> None:
        """Have these blocks; what is missing in a row is asked for at once, and more of it where the last row goes on."""
        number = first
        while number < end:
            if number in self._blocks:
                number += 1
                continue
            self._run = min(2 * self._run, _LONGEST) if number == self._next else 1
            stop = number + 1
            while stop not in self._blocks and stop < max(end, number + self._run) and stop * _BLOCK < self._size:
                stop += 1
            data = self._file.read(number * _BLOCK, min(stop * _BLOCK, self._size) - number * _BLOCK)
            for at in range(stop - number):
                self._blocks[number + at] = data[at * _BLOCK : (at + 1) * _BLOCK]
            self._next = number = stop
