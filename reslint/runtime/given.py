"""Files in, what to feed a model and what it should give out: .npz, or ONNX's own test_data_set folders."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from reslint.errors import RunFailed
from reslint.net import Net
from reslint.net.values import Array
from reslint.runtime.job import Feed


def given(net: Net, path: Path) -> tuple[Feed, Mapping[str, Array]]:
    """The inputs of a net from a file or a folder, and the outputs saved beside them, if any."""
    if path.is_dir():
        saved = dict(zip(net.inputs, _numbered(path, "input"), strict=False))
        return _complete(net, saved, path), dict(zip(net.outputs, _numbered(path, "output"), strict=False))
    return _complete(net, arrays(path), path), {}


def arrays(path: Path) -> Mapping[str, Array]:
    """All arrays of an .npz file. Nothing is unpickled. Raises RunFailed where it is none."""
    try:
        with np.load(path, allow_pickle=False) as found:
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise RunFailed(f"{path} holds one array without a name; save it with numpy.savez")
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RunFailed(f"{path} can't be read as .npz: {error}") from error


def store(path: Path, feed: Feed) -> None:
    """Save what was fed, to be fed again with --inputs."""
    try:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **dict(feed))
    except (OSError, ValueError) as error:
        raise RunFailed(f"{path} can't be written: {error}") from error


def _complete(net: Net, saved: Mapping[str, Array], path: Path) -> Feed:
    missing = [name for name in net.inputs if name not in saved]
    if missing:
        raise RunFailed(f"needs the input {missing[0]!r}, which {path} does not hold")
    return {name: saved[name] for name in net.inputs}


def _numbered(folder: Path, kind: str) -> Iterator[Array]:
    files = [f for f in folder.glob(f"{kind}_*.pb") if f.stem.partition("_")[2].isdigit()]
    for file in sorted(files, key=lambda f: int(f.stem.partition("_")[2])):
        try:
            yield numpy_helper.to_array(TensorProto.FromString(file.read_bytes()))
        except (OSError, DecodeError, ValueError, TypeError) as error:
            raise RunFailed(f"{file} can't be read as a tensor: {error}") from error
