"""The values of a remote model's weights: few and small ones are fetched, since a rule asks for them; the rest stays."""

from __future__ import annotations

from collections.abc import Callable
from posixpath import dirname
from urllib.parse import urlsplit, urlunsplit

from reslint.errors import UnreadableModel
from reslint.net.external import quoted
from reslint.net.pages import Pages
from reslint.net.triage import is_pointer
from reslint.remote.files import File, Identity, Traffic
from reslint.remote.told import Changed, NoRanges

_ONE = 1 << 16  # bytes of a tensor
_ALL = 48  # requests for values
_POINTER = 1024
CHANGED = "changed while it was read; let what writes it end, and check it again"


class Far:
    """The store of one remote model, which is known by its `identity`.

    It counts what it left (`left` tensors) and what was fetched (`traffic`).
    """

    def __init__(
        self, address: str, own: Pages, held: Callable[[int, int], bool], traffic: Traffic, known: Identity
    ) -> None:
        self.traffic = traffic
        self.identity = known
        self.left = 0
        self._address = address
        self._own = own
        self._held = held
        self._budget = _ALL
        self._files: dict[str, File | str] = {}

    def size(self, location: str) -> int:
        if not location:
            return len(self._own)
        file = self._beside(location)
        return file.identity().size or 0

    def read(self, location: str, start: int, size: int) -> bytes:
        if not location:
            size = min(size, len(self._own) - start)
            if not self._held(start, size):
                self._spend(size)
            return self._own[start : start + size]
        self._spend(size)
        try:
            return self._beside(location).read(start, size)
        except (Changed, NoRanges) as error:
            raise UnreadableModel(CHANGED) from error

    def _spend(self, size: int) -> None:
        if size > _ONE or not self._budget:
            self.left += 1
            raise UnreadableModel("its values are not fetched")
        self._budget -= 1

    def _beside(self, location: str) -> File:
        """The file of external data, looked for once. Raises UnreadableModel as for a local model."""
        if location not in self._files:
            try:
                self._files[location] = self._found(location)
            except UnreadableModel as error:
                self._files[location] = str(error)
        found = self._files[location]
        if isinstance(found, str):
            raise UnreadableModel(found)
        return found

    def _found(self, location: str) -> File:
        name = quoted(location)
        if location.startswith(("/", "\\")) or ".." in location.replace("\\", "/").split("/") or ":" in location:
            raise UnreadableModel(f"external data {name} lies outside the model's folder and is not opened")
        file = File(beside(self._address, location), self.traffic)
        try:
            size = file.identity().size
            pointer = size is not None and 0 < size < _POINTER and is_pointer(file.read(0, size))
        except (UnreadableModel, Changed, NoRanges) as error:
            says = str(error) or "can't be read"
            missing = "is missing; put it beside the model" if says.startswith("is not there") else says
            raise UnreadableModel(f"external data {name} {missing}") from error
        if file.is_folder or pointer:
            what = "a folder and no file" if file.is_folder else "a git LFS pointer"
            raise UnreadableModel(f"external data {name} is {what}; put the file with the weights in its place")
        return file


def beside(address: str, location: str) -> str:
    """The address of a file that lies in the folder of another; a signature of the one does not fit the other."""
    if address.lower().startswith(("http://", "https://")):
        from urllib.parse import quote

        parts = urlsplit(address)
        return urlunsplit((parts.scheme, parts.netloc, f"{dirname(parts.path)}/{quote(location)}", parts.query, ""))
    return f"{dirname(address)}/{location}"
