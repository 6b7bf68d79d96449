"""A path in, a Net out: skim the file, parse the light remainder, infer shapes, fold constants, see through no-ops."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import onnx.parser
from google.protobuf.message import DecodeError
from onnx import ModelProto

from reslint.errors import UnreadableModel, brief
from reslint.net.build import build
from reslint.net.external import external_problems
from reslint.net.functions import clashes, inlined
from reslint.net.native import natively
from reslint.net.pages import Pages, pages
from reslint.net.skim import skim
from reslint.net.store import Store
from reslint.net.triage import HEAD, refuse, refuse_deep
from reslint.net.values import Net

TEXT_SUFFIXES = frozenset({".textproto", ".prototxt", ".pbtxt", ".onnxtxt", ".onnxtext"})
SUFFIXES = frozenset({".onnx"}) | TEXT_SUFFIXES
_PLACE = re.compile(r"(?:line: |^)(?P<line>\d+)(?: column: |:)(?P<column>\d+)(?P<colon> : )?")


def read(path: Path) -> Net:
    """Read a model file: ONNX protobuf of any size, ONNX text or text protobuf.

    Raises UnreadableModel (or NotFetched) with one line on what the file is and what to do.
    """
    try:
        model = light(path)
    except OSError as error:
        raise UnreadableModel(f"can't be opened: {error.strerror or error}") from error
    return net_of(model, path)


def light(path: Path) -> ModelProto:
    """The model of a file, large payloads left where they are."""
    with pages(path) as buffer:
        return structure(buffer, path)


def structure(buffer: Pages, path: Path) -> ModelProto:
    """The model that bytes hold, large payloads left where they are; `path` says whether it is text."""
    return _text_model(buffer, path) if path.suffix in TEXT_SUFFIXES else _binary_model(buffer, path)


def from_proto(model: ModelProto, path: Path = Path("model.onnx")) -> Net:
    """The Net of a model in memory; `path` tells where external data lies. The model is left as it is."""
    ours = ModelProto()
    ours.CopyFrom(model)
    return net_of(ours, path)


def net_of(model: ModelProto, path: Path, store: Store | None = None) -> Net:
    """The Net of a model that nobody else holds; `store` has its bytes where `path` is no file of this machine."""
    if not model.graph.node and not model.graph.output:
        raise UnreadableModel("has no graph; it is not an ONNX model, or an empty one")
    if model.functions:
        model = inlined(model)
    net = build(model, path, tuple(external_problems(model.graph, path, store)), store)
    return replace(net, clashes=clashes(model)) if model.functions else net


def _binary_model(buffer: Pages, path: Path) -> ModelProto:
    refuse(path, buffer[:HEAD])
    light = skim(buffer)
    try:
        return ModelProto.FromString(light)
    except DecodeError as error:
        raise UnreadableModel(
            "is not an ONNX model, or is damaged: its bytes are not the protobuf of a model"
        ) from error


def _text_model(buffer: Pages, path: Path) -> ModelProto:
    text = buffer[:]
    refuse(path, text[:HEAD])
    refuse_deep(text)
    try:
        if path.suffix in (".onnxtxt", ".onnxtext"):
            text.decode()
            return ModelProto.FromString(natively(_parse, text, "onnx's text parser"))
        return onnx.load_model_from_string(text, format="textproto")
    except UnicodeDecodeError as error:
        raise UnreadableModel(f"is not text: byte {error.start} is not UTF-8; export or download it again") from error
    except UnreadableModel:
        raise
    except Exception as error:  # the two parsers have no error in common
        raise UnreadableModel(f"can't be parsed as ONNX text: {_parsed_to(error)}") from error


def _parse(text: bytes) -> bytes:
    return onnx.parser.parse_model(text.decode()).SerializeToString()


def _parsed_to(error: Exception) -> str:
    """Where a parser stopped, and why: `line 1, column 20: Expected character = not found`."""
    said = error.args[0] if error.args else ""
    told = (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).strip()
    place = _PLACE.search(told)
    if place is None:
        return "a number in it is out of range" if told.startswith("sto") else brief(told.partition("\n")[0])
    reason = (told[place.end() :] if place["colon"] else told.rpartition("\n")[2]).partition("\n")[0]
    return f"line {place['line']}, column {place['column']}: {brief(reason.rstrip('.'))}"
