"""Where the bytes of a model lie that is no local file: what gives its weights when a rule asks for their values."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """The model's own file, which has the empty location, and the files of its external data."""

    def size(self, location: str) -> int:
        """The bytes of a file. Raises UnreadableModel where it is not there, or where the location leaves the folder."""

    def read(self, location: str, start: int, size: int) -> bytes:
        """Up to so many bytes of a file. Raises UnreadableModel where they are not fetched for the sake of a value."""
