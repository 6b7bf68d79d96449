"""Model file bytes in, the same model without the payloads of its large tensors out.

The protobuf wire format (https://protobuf.dev/programming-guides/encoding) nests by length, so that a tensor's bytes
can be stepped over without being read: of a file only the parts that hold structure are read. A
payload that was left out is written back as external data whose location is the model file itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import urandom
from typing import NamedTuple

from reslint.errors import UnreadableModel
from reslint.net.pages import Pages

Buffer = bytes | Pages

LARGE = 2048
"""Payloads of more bytes than this stay in the file; shape inference only reads smaller ones."""

FIELD = f"reslint.field.{urandom(8).hex()}"
"""The key that marks an external-data entry as made here; its value is the payload's field number in TensorProto.

It is another one in each process, so that no file can hold it and pass its own bytes, or others', off as weights.
"""

# Message kinds and the fields that lead to tensors (onnx.proto3, field numbers are fixed for good).
_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_PAYLOADS = frozenset({4, 5, 6, 7, 9, 10, 11})  # float, int32, string, int64, raw, double, uint64 data of TensorProto
_EXTERNAL, _LOCATION = 13, 14
_DEEPEST = 100  # protobuf's own limit on nesting


class Field(NamedTuple):
    """One field of a message: where it starts, where its content lies, where it ends."""

    number: int
    wire: int
    start: int
    inner: int
    end: int


def skim(buffer: Buffer) -> bytes:
    """The serialized model without large payloads. Raises UnreadableModel where the bytes are no protobuf message."""
    return b"".join(_message(buffer, 0, len(buffer), "model", 0))


def _message(buffer: Buffer, start: int, end: int, kind: str, depth: int) -> Iterator[bytes]:
    if kind == "tensor":
        yield from _tensor(buffer, start, end)
        return
    if depth > _DEEPEST:
        raise UnreadableModel("is nested deeper than protobuf allows; the file is damaged or hostile")
    inside = _INSIDE[kind]
    kept = start  # everything from here on is copied as it is
    for field in fields(buffer, start, end):
        if field.wire != 2 or field.end - field.inner <= LARGE or field.number not in inside:
            continue
        parts = list(_message(buffer, field.inner, field.end, inside[field.number], depth + 1))
        size = sum(map(len, parts))
        if size == field.end - field.inner:
            continue
        yield buffer[kept : field.start]
        yield varint(field.number << 3 | 2) + varint(size)
        yield from parts
        kept = field.end
    yield buffer[kept:end]


def _tensor(buffer: Buffer, start: int, end: int) -> Iterator[bytes]:
    held = list(fields(buffer, start, end))
    payload = next((f for f in held if f.number in _PAYLOADS and f.end - f.inner > LARGE), None)
    if payload is None:
        yield buffer[start:end]
        return
    for field in held:
        if field.number not in _PAYLOADS and field.number not in (_EXTERNAL, _LOCATION):
            yield buffer[field.start : field.end]
    entries = {"location": "", "offset": payload.inner, "length": payload.end - payload.inner, FIELD: payload.number}
    for key, value in entries.items():
        entry = b"".join(bytes_field(n, str(s).encode()) for n, s in ((1, key), (2, value)))
        yield bytes_field(_EXTERNAL, entry)
    yield varint(_LOCATION << 3) + varint(1)


def fields(buffer: Buffer, position: int, end: int) -> Iterator[Field]:
    """The fields of a message. Raises UnreadableModel where the bytes are none."""
    while position < end:
        start = position
        key, position = _read_varint(buffer, position, end)
        wire = key & 7 if key >> 3 else -1  # no field has the number 0
        if wire == 2:
            size, inner = _read_varint(buffer, position, end)
            position = inner + size
        elif wire == 0:
            inner = position
            _, position = _read_varint(buffer, position, end)
        elif wire == 5 or wire == 1:
            inner = position
            position += 4 if wire == 5 else 8
        else:
            raise UnreadableModel("is not an ONNX model, or is damaged: its bytes are not protobuf")
        if position > end:
            over = f"{position - end} {'byte' if position - end == 1 else 'bytes'}"
            raise UnreadableModel(f"is truncated or damaged: a part extends {over} beyond the end; fetch it again")
        yield Field(key >> 3, wire, start, inner, position)


def _read_varint(buffer: Buffer, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise UnreadableModel("is truncated or damaged: it ends in the middle of a field; fetch it again")


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def bytes_field(number: int, content: bytes) -> bytes:
    """A length-delimited field as protobuf writes it."""
    return varint(number << 3 | 2) + varint(len(content)) + content
