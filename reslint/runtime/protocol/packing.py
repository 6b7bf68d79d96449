"""An Answer in, bytes that no reader executes out, and back: a model may have taken over the process that writes them.

A text in JSON comes first, behind its length, then the bytes of all arrays in the order in which the text names them. In the
text a list of one key says what a value was: a tuple, a list, a mapping, a message of the protocol, or an array.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from io import BufferedReader

import ml_dtypes
import numpy as np

from reslint.runtime.protocol import job
from reslint.runtime.protocol.job import Answer, Array

_WORD = 8  # bytes of a length
_LARGEST = 1 << 28  # bytes of the text at most
_TEXTS = "OUS"  # of numpy's types those that hold texts
_MESSAGES = {name: kind for name, kind in vars(job).items() if isinstance(kind, type) and is_dataclass(kind)}


def size_of(array: Array) -> int:
    """How many bytes an array takes in an answer, about."""
    return array.nbytes + (sum(len(str(v)) for v in array.reshape(-1).tolist()) if array.dtype.kind in _TEXTS else 0)


def packed(answer: Answer) -> Iterator[bytes]:
    """The bytes of an answer, in parts."""
    arrays: list[Array] = []
    value = _plain(answer, arrays)
    told = [(array.dtype.name, array.shape) for array in arrays]
    text = json.dumps({"value": value, "arrays": told}).encode()
    yield len(text).to_bytes(_WORD, "little")
    yield text
    for array in arrays:
        yield array.tobytes()


def unpacked(file: BufferedReader, size: int) -> Answer:
    """The answer that a file of so many bytes holds. Raises ValueError, TypeError or LookupError for what is none."""
    length = int.from_bytes(file.read(_WORD), "little")
    if not 0 < length <= min(_LARGEST, size):
        raise ValueError("no answer")
    held = json.loads(file.read(length))
    left = size - _WORD - length
    arrays: list[Array] = []
    for kind, shape in held["arrays"]:
        arrays.append(_read(file, str(kind), tuple(map(int, shape)), left))
        left -= arrays[-1].nbytes
    answer = _value(held["value"], arrays)
    if not isinstance(answer, Answer):
        raise TypeError("no answer")
    return answer


def _plain(value: object, arrays: list[Array]) -> object:
    """A value as JSON has it; arrays of numbers are added to the others."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item(), arrays)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in _TEXTS:
            return {"texts": [[str(v) for v in value.reshape(-1).tolist()], value.shape]}
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, Mapping):
        return {"mapping": [[str(k), _plain(v, arrays)] for k, v in value.items()]}
    if isinstance(value, Sequence):
        return {"tuple" if isinstance(value, tuple) else "list": [_plain(v, arrays) for v in value]}
    name = type(value).__name__
    return {"message": [name, [_plain(getattr(value, f.name), arrays) for f in fields(_MESSAGES[name])]]}


def _value(plain: object, arrays: Sequence[Array]) -> object:
    """A value as it was."""
    if not isinstance(plain, dict):
        return plain
    [(kind, held)] = plain.items()
    match kind:
        case "array":
            return arrays[held]
        case "texts":
            return np.array(held[0], dtype=object).reshape(held[1])
        case "mapping":
            return {str(key): _value(v, arrays) for key, v in held}
        case "message":
            return _MESSAGES[held[0]](*(_value(v, arrays) for v in held[1]))
        case "tuple":
            return tuple(_value(v, arrays) for v in held)
        case "list":
            return [_value(v, arrays) for v in held]
    raise ValueError(kind)


def _read(file: BufferedReader, kind: str, shape: tuple[int, ...], left: int) -> Array:
    """The next array, of the `left` bytes."""
    dtype = np.dtype(getattr(ml_dtypes, kind, kind))
    many = dtype.itemsize * math.prod(shape)
    if dtype.hasobject or min(shape, default=0) < 0 or many > left:
        raise ValueError("no array")
    held = bytearray(many)
    view, at = memoryview(held), 0
    while at < many:
        got = file.readinto(view[at:])
        if not got:
            raise ValueError("truncated")
        at += got
    return np.frombuffer(held, dtype).reshape(shape)
