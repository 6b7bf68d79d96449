"""The values of one tensor, read on demand and bounded in size, from the model file or its external data."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import NodeProto, TensorProto, numpy_helper

from reslint.errors import UnreadableModel
from reslint.net.arithmetic import computed, held, literal
from reslint.net.external import bytes_of, entries_of, extent, located, refuse_truncated
from reslint.net.skim import FIELD, bytes_field
from reslint.net.values import Array, Net

MOST = 1 << 20
"""Tensors of more elements than this are not read unless asked for."""

_MOST_BYTES = 1 << 40
_RAW = 9
_HEAD = 64  # bytes
_ZEROS = b"\x00\x80"  # what zeros of any type consist of; the sign of a floating-point zero may be set
_UNFIT = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    UnreadableModel,
    DecodeError,
    onnx.checker.ValidationError,
)


def array(net: Net, name: str, most: int = MOST) -> Array | None:
    """The values of a constant, computed where the file computes it; None where unknown, missing or of over `most` elements."""
    return _evaluate(net, net.canonical(name), most, 64, {})


def scalar(net: Net, name: str) -> float | None:
    """The one number that all elements of a small constant are, None where they differ or are unknown."""
    found = array(net, name, 4096)
    if found is None or not found.size or found.dtype.kind not in "fiub":
        return None
    first = float(found.reshape(-1)[0])
    return first if bool(np.all(found == found.reshape(-1)[0])) else None


def integers(net: Net, name: str) -> tuple[int, ...] | None:
    """The elements of a small integer constant (axes, a shape, a permutation)."""
    found = array(net, name, 4096)
    if found is None or found.dtype.kind not in "iu":
        return None
    return tuple(int(v) for v in found.reshape(-1))


def _external(net: Net, location: str, size: int) -> Path:
    """The same as `inside`, found once for each file: a fifth of what small models took was finding it again."""
    if location not in net.located:
        try:
            net.located[location] = located(net.path, location)
        except UnreadableModel as error:
            net.located[location] = str(error)
    found = net.located[location]
    if isinstance(found, str):
        raise UnreadableModel(found)
    file, there = found
    refuse_truncated(location, there, size)
    return file


def load(net: Net, tensor: TensorProto, most: int) -> Array | None:
    """The elements of an initializer, from memory, from the model file or from external data."""
    if math.prod(tensor.dims) > most or tensor.data_type == TensorProto.UNDEFINED:
        return None
    entries = entries_of(tensor)
    try:
        if not entries:
            return held(tensor)
        whole = TensorProto(dims=tensor.dims, data_type=tensor.data_type)
        data = _payload(net, entries, _MOST_BYTES if FIELD in entries else bytes_of(tensor))
        if entries.get(FIELD, str(_RAW)) == str(_RAW):
            whole.raw_data = data
        else:
            whole.MergeFromString(bytes_field(int(entries[FIELD]), data))
        return numpy_helper.to_array(whole)
    except _UNFIT:
        return None  # what external_problems has said already, or a payload that does not fit its type and shape


def _payload(net: Net, entries: Mapping[str, str], most: int) -> bytes:
    """Up to `most` of the bytes that lie in external data, or that were left in the model file."""
    start, length = extent(entries)
    length = length or 0 if FIELD in entries else length
    if net.store is not None:
        location = "" if FIELD in entries else entries.get("location", "")
        return net.store.read(location, start, most if length is None else min(length, most))
    file = net.path if FIELD in entries else _external(net, entries.get("location", ""), start + (length or 0))
    with file.open("rb") as opened:
        left = max(
            0, os.fstat(opened.fileno()).st_size - start
        )  # what is asked for is taken from memory before it is read
        opened.seek(start)
        return opened.read(min(left, most if length is None else min(length, most)))


def is_zero(net: Net, name: str) -> bool:
    """Whether a constant is known to hold nothing but zeros."""
    constant = net.constants.get(net.canonical(name))
    if isinstance(constant, TensorProto) and math.prod(constant.dims) <= MOST and _head(net, constant).strip(_ZEROS):
        return False  # most weights show it in their first bytes, and to read and decode them all takes a while
    found = array(net, name)
    return found is not None and found.size > 0 and found.dtype.kind in "fiu" and not np.any(found)


def _head(net: Net, tensor: TensorProto) -> bytes:
    """The first bytes of a tensor, none where they can't be read."""
    entries = entries_of(tensor)
    try:
        return _payload(net, entries, _HEAD) if entries else tensor.raw_data[:_HEAD]
    except _UNFIT:
        return b""


def _evaluate(net: Net, name: str, most: int, depth: int, known: dict[str, Array | None]) -> Array | None:
    """The value of a constant; `known` keeps what it is made of, since a chain of doublings has exponentially many ways."""
    if name not in known:
        known[name] = _evaluated(net, name, most, depth, known)
    return known[name]


def _evaluated(net: Net, name: str, most: int, depth: int, known: dict[str, Array | None]) -> Array | None:
    constant = net.constants.get(name) or (net.outer or {}).get(name)
    if constant is None or not depth:
        return None
    if isinstance(constant, TensorProto):
        return load(net, constant, most)
    if len(constant.output) != 1:
        return None
    if constant.op_type == "Constant":
        return _literal(net, constant, most)
    given = [_evaluate(net, net.canonical(i), most, depth - 1, known) if i else None for i in constant.input]
    if any(g is None for g, i in zip(given, constant.input, strict=True) if i):
        return None
    made = computed(constant, [g for g in given if g is not None])
    return made if made is not None and made.size <= most else None


def _literal(net: Net, node: NodeProto, most: int) -> Array | None:
    held = next((a.t for a in node.attribute if a.HasField("t")), None)
    return load(net, held, most) if held is not None else literal(node)
