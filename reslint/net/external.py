"""Tensors in, where their external data lies out, or one line on what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from os import fsdecode
from pathlib import Path

from onnx import GraphProto, NodeProto, TensorProto, helper

from reslint.errors import UnreadableModel, brief
from reslint.net.skim import FIELD
from reslint.net.store import Store
from reslint.net.triage import is_pointer

_DIGITS = 20  # of a number of bytes at most
_POINTER = 1024  # a git LFS pointer is smaller than this
_HOLDING = frozenset(
    {"Constant", "ConstantOfShape", "If", "Loop", "Scan", "SequenceMap"}
)  # whose attributes hold tensors, or bodies
_SMALL = {"INT2": 2, "UINT2": 2, "INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}
_BITS = {value: _SMALL[name] for name, value in TensorProto.DataType.items() if name in _SMALL}
"""Types of which several elements share a byte; the installed onnx may know less of them."""
_TYPES = frozenset(TensorProto.DataType.values()) - {TensorProto.UNDEFINED, TensorProto.STRING}


def external_problems(graph: GraphProto, path: Path, store: Store | None = None) -> Iterator[str]:
    """One line for each external data file that is not there, not whole, not allowed, no file or a git LFS pointer."""
    needed: dict[str, int] = {}
    misplaced: dict[str, str] = {}
    for tensor in _tensors(graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        entries = entries_of(tensor)
        if FIELD in entries:
            continue
        location = entries.get("location", "")
        needed.setdefault(location, 0)
        try:
            needed[location] = max(needed[location], _end(tensor, entries))
        except UnreadableModel as error:
            misplaced.setdefault(location, str(error))
    for location, size in needed.items():
        try:
            if location and store is not None:
                refuse_truncated(location, store.size(location), size)
            elif location:
                inside(path, location, size)
        except UnreadableModel as error:
            yield str(error)
        else:
            if location in misplaced:
                yield misplaced[location]


def is_lacking(tensor: TensorProto, path: Path) -> bool:
    """Whether a tensor's values should lie in a file beside the model that does not hold them."""
    if tensor.data_location != TensorProto.EXTERNAL or FIELD in (entries := entries_of(tensor)):
        return False
    try:
        inside(path, entries.get("location", ""), _end(tensor, entries))
    except UnreadableModel:
        return True
    return False


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """The tensors that a graph and the bodies in it hold."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        if node.op_type in _HOLDING or node.domain:
            yield from _tensors_of(node)


def _tensors_of(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        elif attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        elif attribute.HasField("g"):
            yield from _tensors(attribute.g)


def locations(constant: TensorProto | NodeProto) -> Iterator[str]:
    """Where the external data of a constant lies, as the model names it; nothing for what the model file itself holds."""
    for tensor in (constant,) if isinstance(constant, TensorProto) else _tensors_of(constant):
        entries = entries_of(tensor)
        if FIELD not in entries and entries.get("location"):
            yield entries["location"]


def entries_of(tensor: TensorProto) -> Mapping[str, str]:
    """What a tensor says of its external data; nothing where it has none."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return {}
    return {fsdecode(e.key): fsdecode(e.value) for e in tensor.external_data}  # bytes where a name is not UTF-8


def extent(entries: Mapping[str, str]) -> tuple[int, int | None]:
    """Where a tensor's external data starts and how many bytes it has, None for all to the end of the file.

    Raises UnreadableModel for what is no number.
    """
    return _number(entries, "offset") or 0, _number(entries, "length") or None


def bytes_of(tensor: TensorProto) -> int:
    """How many bytes the elements of a tensor take; none for strings and for types that nobody knows."""
    if tensor.data_type not in _BITS and tensor.data_type not in _TYPES:
        return 0
    bits = _BITS.get(tensor.data_type) or 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return -(-max(0, math.prod(tensor.dims)) * bits // 8)


def _end(tensor: TensorProto, entries: Mapping[str, str]) -> int:
    """How many bytes a file has to have for a tensor's sake."""
    if not entries.get("location"):
        raise UnreadableModel(
            f"external data of the tensor {quoted(tensor.name)} is in a file that the model does not name; "
            "export the model again"
        )
    start, length = extent(entries)
    size = bytes_of(tensor)
    if length is not None and length < size:
        raise UnreadableModel(
            f"external data {quoted(entries.get('location', ''))} has {length} bytes for the tensor "
            f"{quoted(tensor.name)}, whose type and shape take {size}; export the model again"
        )
    return start + (size if length is None else length)


def _number(entries: Mapping[str, str], key: str) -> int | None:
    text = entries.get(key, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < _DIGITS:
        return int(text)
    raise UnreadableModel(
        f"external data {quoted(entries.get('location', ''))} has the {key} {quoted(text)}, "
        "which is not a number of bytes; export the model again"
    )


def inside(path: Path, location: str, size: int = 0) -> Path:
    """The external file of a model, if it lies in the model's own folder and holds `size` bytes.

    Raises UnreadableModel for a location that leaves the folder (absolute, `..`, a symbolic link) and for a file that is
    missing, too short or a git LFS pointer.
    """
    file, there = located(path, location)
    refuse_truncated(location, there, size)
    return file


def located(path: Path, location: str) -> tuple[Path, int]:
    """The external file of a model and its size in bytes. Raises UnreadableModel as `inside` does."""
    name = quoted(location)
    try:
        file = path.parent / location
        far = Path(location).is_absolute() or ".." in Path(location).parts
        if far or not file.resolve().is_relative_to(path.parent.resolve()):
            raise UnreadableModel(f"external data {name} lies outside the model's folder and is not opened")
        if file.is_symlink():
            raise UnreadableModel(f"external data {name} is a symbolic link and is not opened")
        if not file.is_file():  # a pipe would be waited for
            raise UnreadableModel(f"external data {name} {_instead(file)}")
        there = file.stat().st_size
        head = b"" if there >= _POINTER else file.read_bytes()[:64]
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # also a loop of links, a name with a zero byte
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableModel(f"external data {name} can't be opened: {why}") from error
    if is_pointer(head):
        raise UnreadableModel(
            f"external data {name} is a git LFS pointer; run: git lfs pull --include {quoted(file.name)}"
        )
    return file, there


def _instead(file: Path) -> str:
    """What is there in the place of a file."""
    if file.is_dir():
        return "is a folder, not a file; put the file with the weights in its place"
    if file.is_fifo():
        return "is a pipe, not a file; put the file with the weights in its place"
    if file.exists():
        return "is a device, not a file; put the file with the weights in its place"
    return "is missing; put it beside the model"


def refuse_truncated(location: str, there: int, size: int) -> None:
    """Raise UnreadableModel where a file has fewer bytes than the model needs."""
    if there < size:
        raise UnreadableModel(
            f"external data {quoted(location)} is truncated: {there} bytes where the model needs {size}; fetch it again"
        )


def quoted(name: str) -> str:
    """A name as Python writes it, a very long one without its middle."""
    return repr(brief(name))
