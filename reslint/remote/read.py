"""The address of a model in, its Net out: the structure by ranges, the whole file only where a server has no ranges."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reslint.errors import UnreadableModel
from reslint.net.pages import Pages
from reslint.net.read import TEXT_SUFFIXES, net_of, structure
from reslint.net.values import Net
from reslint.remote.address import file_of, is_remote, shown
from reslint.remote.blocks import Blocks
from reslint.remote.far import CHANGED, Far
from reslint.remote.files import File, Identity
from reslint.remote.told import Changed, NoRanges

MAX_DOWNLOAD = 1.0
"""Gigabytes of a file that a server only gives as a whole."""


@dataclass(frozen=True)
class Fetched:
    """A remote model: its Net, what its file is known by, what was fetched (it grows), and what is to be said of that."""

    net: Net
    identity: Identity
    far: Far
    notes: tuple[str, ...] = ()

    def left(self) -> tuple[str, ...]:
        """What is to be said of values that rules asked for and that were left where they are."""
        many = self.far.left
        return (
            (f"values of weights were asked for {many} times and left where they are; shapes are known",)
            if many
            else ()
        )


def fetched(address: str, max_download: float = MAX_DOWNLOAD) -> Fetched:
    """Read the structure of a remote model. `max_download` is in gigabytes.

    Raises UnreadableModel with one line on what is wrong with the model, its address, or the way there.
    """
    for _ in range(2):  # one that changed is read anew, once
        file = File(address)
        try:
            return _fetched(file, int(max_download * 1e9))
        except Changed:
            continue
        finally:
            file.close()
    raise UnreadableModel(CHANGED)


def _fetched(file: File, most: int) -> Fetched:
    identity = file.identity()
    if file.is_folder:
        raise UnreadableModel("is a folder; end it with a / to have it searched")
    notes: tuple[str, ...] = ()
    blocks = Blocks(file, identity.size or 0) if file.has_ranges else None
    try:
        net, far = _net(file, blocks or _Whole(file.whole(most)), blocks, most)
    except NoRanges:  # found out only when the second range was asked for
        blocks = None
        net, far = _net(file, _Whole(file.whole(most)), None, most)
    if blocks is None:
        notes = (f"its server gives whole files only: {file.traffic.bytes / 1e6:.3g} MB were downloaded",)
    return Fetched(net, identity, far, notes)


def _net(file: File, pages: Pages, blocks: Blocks | None, most: int) -> tuple[Net, Far]:
    path = Path(file_of(file.address) or "model.onnx")
    if path.suffix in TEXT_SUFFIXES and len(pages) > most:
        raise UnreadableModel("is a text, which has to be read as a whole, and too long for --max-download")
    try:
        model = structure(pages, path)
    except UnreadableModel:
        file.confirm()  # of a file that changed meanwhile, no part fits the other
        raise
    if blocks is not None:
        file.confirm()
    far = Far(file.address, pages, blocks.holds if blocks else lambda start, size: True, file.traffic, file.identity())
    return net_of(model, Path(shown(file.address)), far), far


class _Whole(Pages):
    """The bytes of a file that was downloaded; it is gone when nobody asks for them any more."""

    def __init__(self, into: BinaryIO) -> None:
        super().__init__(into.fileno())
        weakref.finalize(self, into.close)


def identity(address: str) -> Identity:
    """What a remote file is known by now. Raises UnreadableModel where it can't be reached."""
    return File(address).identity()


def opened(path: str, max_download: float = MAX_DOWNLOAD) -> Net:
    """The Net of a model file, wherever it lies."""
    from reslint.net.read import read

    return fetched(path, max_download).net if is_remote(path) else read(Path(path))
