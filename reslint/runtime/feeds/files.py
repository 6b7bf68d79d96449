"""Files in, what to feed a model and what it should give out, and back: .npz, or ONNX's own test_data_set folders."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import OptionalProto, SequenceProto, TensorProto, numpy_helper

from reslint.errors import RunFailed
from reslint.net import Net
from reslint.net.arithmetic import held
from reslint.net.values import Array
from reslint.runtime.feeds.kinds import Kind
from reslint.runtime.protocol.job import Fed, Feed

_PART = re.compile(r"(?P<name>.*)\[(?P<at>\d{1,6})\]")


def given(net: Net, path: Path, kinds: Mapping[str, Kind]) -> tuple[tuple[Feed, ...], tuple[Mapping[str, Array], ...]]:
    """What to feed a net by a file or a folder, each time, and the outputs saved beside it, if any."""
    if path.suffix == ".npy":
        return (_complete(net, _single(net, path), path, kinds),), ({},)
    if not path.is_dir():
        return (_complete(net, _joined(arrays(path), kinds), path, kinds),), ({},)
    sets = tuple(_sets(path))
    feeds = tuple(_complete(net, dict(_numbered(s, "input", net.inputs, kinds)), s, kinds) for s in sets)
    return feeds, tuple(parts(dict(_numbered(s, "output", net.outputs, kinds))) for s in sets)


def _single(net: Net, path: Path) -> Mapping[str, Fed]:
    """The array of an .npy file, which has no name: the model's only input."""
    if len(net.inputs) != 1:
        raise RunFailed(f"has {len(net.inputs)} inputs, but {path} holds one unnamed array; save them with numpy.savez")
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunFailed(f"{path} can't be read as .npy: {error}") from error
    if not isinstance(found, np.ndarray):
        raise RunFailed(f"{path} is not an .npy file")
    return {net.inputs[0]: _objects(found)}


def arrays(path: Path) -> Mapping[str, Array]:
    """All arrays of an .npz file. Nothing is unpickled. Raises RunFailed where it is none."""
    try:
        with np.load(path, allow_pickle=False) as found:
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise RunFailed(f"{path} holds one unnamed array; save it with numpy.savez")
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RunFailed(f"{path} can't be read as .npz: {error}") from error


def parts(made: Mapping[str, Fed]) -> Mapping[str, Array]:
    """The same with each sequence as the tensors in it: `y[0]`, `y[1]`."""
    found: dict[str, Array] = {}
    for name, value in made.items():
        if isinstance(value, list):
            found.update((f"{name}[{at}]", array) for at, array in enumerate(value))
        else:
            found[name] = value
    return found


def store(path: Path, feeds: Sequence[Feed], net: Net, kinds: Mapping[str, Kind]) -> None:
    """Save what was fed, to be fed again with --inputs: one .npz, or a folder with a test_data_set for each feed."""
    try:
        if path.suffix == ".npz":
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                np.savez(file, allow_pickle=False, **_texts(parts(feeds[0])))
        else:
            for at, feed in enumerate(feeds):
                _store_set(path / f"test_data_set_{at}", feed, net, kinds)
    except (OSError, ValueError) as error:
        raise RunFailed(f"{path} can't be written: {error}") from error


def _store_set(folder: Path, feed: Feed, net: Net, kinds: Mapping[str, Kind]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for at, name in enumerate(net.inputs):
        value = feed.get(name)
        if name in kinds and kinds[name].optional:
            proto = numpy_helper.from_optional(value, name).SerializeToString()
        elif isinstance(value, list):
            proto = numpy_helper.from_list(value, name).SerializeToString()
        elif value is not None:
            proto = numpy_helper.from_array(value, name).SerializeToString()
        else:
            continue
        (folder / f"input_{at}.pb").write_bytes(proto)


def _texts(made: Mapping[str, Array]) -> Mapping[str, Array]:
    """The same with strings of a fixed width, since objects would have to be pickled."""
    return {name: array.astype(np.str_) if array.dtype.kind == "O" else array for name, array in made.items()}


def _joined(saved: Mapping[str, Array], kinds: Mapping[str, Kind]) -> Mapping[str, Fed]:
    """What was saved, sequences in one again and strings as the objects that ONNX Runtime takes."""
    found: dict[str, Fed] = {name: [] for name, kind in kinds.items() if kind.sequence and not kind.optional}
    for name, array in saved.items():
        part = _PART.fullmatch(name)
        held = found.setdefault(part["name"], []) if part and part["name"] in kinds else None
        if isinstance(held, list):
            held.append(_objects(array))
        else:
            found[name] = _objects(array)
    return found


def _objects(array: Array) -> Array:
    return array.astype(object) if array.dtype.kind == "U" else array


def _complete(net: Net, saved: Mapping[str, Fed], path: Path, kinds: Mapping[str, Kind]) -> Feed:
    needed = [name for name in net.inputs if name not in kinds or not kinds[name].optional]
    missing = [name for name in needed if name not in saved]
    if missing:
        raise RunFailed(f"needs the input {missing[0]!r}, which {path} does not hold")
    return {name: saved[name] for name in net.inputs if name in saved}


def _sets(path: Path) -> Iterator[Path]:
    """The folder itself where it holds tensors, else the test_data_sets in it."""
    if any(_files(path, "input")):
        yield path
        return
    inside = [s for s in path.glob("test_data_set_*") if s.is_dir() and any(_files(s, "input"))]
    if not inside:
        raise RunFailed(f"{path} holds neither input_0.pb nor a test_data_set_0 folder with it")
    yield from sorted(inside, key=lambda s: (len(s.name), s.name))


def _files(folder: Path, kind: str) -> Iterable[Path]:
    found = [f for f in folder.glob(f"{kind}_*.pb") if f.stem.partition("_")[2].isdigit()]
    return sorted(found, key=lambda f: int(f.stem.partition("_")[2]))


def _numbered(folder: Path, kind: str, names: Sequence[str], kinds: Mapping[str, Kind]) -> Iterator[tuple[str, Fed]]:
    """What the files of a folder hold, each with the name at its place; an optional input that is none is left out."""
    files = tuple(_files(folder, kind))
    if len(files) > len(names):
        raise RunFailed(f"{folder} holds {len(files)} files {kind}_*.pb, but the model has {len(names)} {kind}s")
    for file, name in zip(files, names, strict=False):
        try:
            value = _value(file.read_bytes(), kinds.get(name))
        except (OSError, DecodeError, ValueError, TypeError) as error:
            raise RunFailed(f"{file} can't be read as {_article(kinds.get(name))}: {error}") from error
        if value is not None:
            yield name, value


def _value(data: bytes, kind: Kind | None) -> Fed | None:
    """What a file holds; its own bytes don't say which of the three messages they are."""
    if kind is not None and kind.optional:
        found = OptionalProto.FromString(data)
        if found.elem_type == OptionalProto.TENSOR:
            return held(found.tensor_value)
        return _list(found.sequence_value) if found.elem_type == OptionalProto.SEQUENCE else None
    if kind is not None and kind.sequence:
        return _list(SequenceProto.FromString(data))
    return held(TensorProto.FromString(data))


def _list(saved: SequenceProto) -> list[Array]:
    return [np.asarray(array) for array in numpy_helper.to_list(saved)]


def _article(kind: Kind | None) -> str:
    return "a tensor" if kind is None else "a sequence" if kind.sequence else "an optional tensor"
