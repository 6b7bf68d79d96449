"""A path in, a Net out: skim the file, parse the light remainder, infer shapes, fold constants, see through no-ops."""

from __future__ import annotations

import mmap
from pathlib import Path

import onnx.inliner
import onnx.parser
from google.protobuf.message import DecodeError
from onnx import ModelProto

from reslint.errors import UnreadableModel
from reslint.net.build import build
from reslint.net.skim import skim
from reslint.net.triage import refuse
from reslint.net.values import Net
from reslint.net.weights import external_problems

TEXT_SUFFIXES = frozenset({".textproto", ".prototxt", ".pbtxt", ".onnxtxt", ".onnxtext"})
SUFFIXES = frozenset({".onnx"}) | TEXT_SUFFIXES


def read(path: Path) -> Net:
    """Read a model file: ONNX protobuf of any size, ONNX text or text protobuf.

    Raises UnreadableModel (or NotFetched) with one line on what the file is and what to do.
    """
    try:
        model = light(path)
    except OSError as error:
        raise UnreadableModel(f"can't be opened: {error.strerror or error}") from error
    return _net(model, path)


def light(path: Path) -> ModelProto:
    """The model of a file, large payloads left where they are."""
    return _text_model(path) if path.suffix in TEXT_SUFFIXES else _binary_model(path)


def from_proto(model: ModelProto, path: Path = Path("model.onnx")) -> Net:
    """The Net of a model in memory; `path` tells where external data lies. The model is left as it is."""
    ours = ModelProto()
    ours.CopyFrom(model)
    return _net(ours, path)


def _net(model: ModelProto, path: Path) -> Net:
    """The Net of a model that nobody else holds."""
    if not model.graph.node and not model.graph.output:
        raise UnreadableModel("holds no graph; it is no ONNX model, or an empty one")
    if model.functions:
        model = inlined(model)
    return build(model, path, tuple(external_problems(model.graph, path)))


def _binary_model(path: Path) -> ModelProto:
    with path.open("rb") as file:
        refuse(path, file.read(64))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            light = skim(buffer)
    try:
        return ModelProto.FromString(light)
    except DecodeError as error:
        raise UnreadableModel("is no ONNX model, or is damaged: its bytes are not the protobuf of a model") from error


def _text_model(path: Path) -> ModelProto:
    text = path.read_bytes()
    refuse(path, text[:64])
    try:
        if path.suffix in (".onnxtxt", ".onnxtext"):
            return onnx.parser.parse_model(text.decode())
        return onnx.load_model_from_string(text, format="textproto")
    except Exception as error:  # the two parsers have no error in common
        first = str(error).strip().splitlines()
        raise UnreadableModel(
            f"is no ONNX text that can be parsed: {first[0] if first else 'no reason given'}"
        ) from error


def inlined(model: ModelProto) -> ModelProto:
    """The same model without functions of its own."""
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # the inliner's errors have nothing in common
        first = str(error).strip().splitlines()
        raise UnreadableModel(
            f"has functions that can't be inlined: {first[0] if first else 'no reason given'}"
        ) from error
