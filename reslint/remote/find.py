"""An address in, the addresses of the models that it means out: a file, a folder, a glob."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reslint.errors import UnreadableModel
from reslint.remote.address import file_of, has_magic
from reslint.remote.files import Filesystem, filesystem, persistently
from reslint.remote.told import told

SEARCHED = (".onnx", ".onnxtxt", ".onnxtext")


def found(address: str, refused: Callable[[str, str], None]) -> Iterator[str]:
    """The models of an address, in order; where it can't be looked through, `refused` hears why.

    One that ends in a name is a file, and nobody is asked; a folder ends with a slash.
    """
    if file_of(address).lower().endswith(".pt2"):
        refused(address, "is a PyTorch program; download it, and check the file")
        return
    if not has_magic(address) and file_of(address):
        yield address
        return
    try:
        yield from _listed(address)
    except UnreadableModel as error:
        refused(address, str(error))


def _listed(address: str) -> Iterator[str]:
    fs, path = filesystem(address)
    try:
        names = persistently(lambda: _matching(fs, path, address))
    except Exception as error:  # whatever the library of the store raises
        raise UnreadableModel(told(error).replace("can't be read", "can't be listed")) from error
    http = address.lower().startswith(("http://", "https://"))
    for name in sorted(names):
        if name.lower().endswith(SEARCHED):
            yield name if http or "://" in name else fs.unstrip_protocol(name)


def _matching(fs: Filesystem, path: str, address: str) -> list[str]:
    return fs.glob(path) if has_magic(address) else fs.find(path)
