"""A file as it stands on the command line in, the models that it is a part of out: external data belongs to its owner."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_DATA = re.compile(r"(?P<model>.+\.onnx)[._]data(_\d+)?")
"""What exporters call a model's external data: model.onnx.data, model.onnx_data, model.onnx_data_1."""
_PART = 1 << 24  # bytes


def owners(path: str) -> Iterator[str]:
    """The models whose external data a file is, by their names or by what they say; any other file is its own."""
    found = _DATA.fullmatch(path)
    if not found:
        yield os.path.normpath(path)
    elif os.path.isfile(found["model"]):
        yield os.path.normpath(found["model"])
    else:
        yield from _naming(Path(os.path.normpath(path)))


def is_data(path: str) -> bool:
    """Whether a file is called as external data is."""
    return _DATA.fullmatch(path) is not None


def _naming(data: Path) -> Iterator[str]:
    """The models that name a file, beside it or above it: data lies at or below its model's folder (onnx, external data)."""
    for folder in data.parents:
        here = sorted(str(model) for model in folder.glob("*.onnx") if _holds(model, data.name.encode()))
        if here:
            yield from here
            return


def _holds(model: Path, name: bytes) -> bool:
    if not model.is_file():  # a pipe would be waited for
        return False
    with open(model, "rb") as file:
        before = b""
        while part := file.read(_PART):
            if name in before + part:
                return True
            before = part[-len(name) :]
    return False
