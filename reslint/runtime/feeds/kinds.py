"""A model in, which of its inputs and outputs are more than a tensor out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onnx import ModelProto, TypeProto, ValueInfoProto

from reslint.net import Shape
from reslint.net.shapes import decoded


@dataclass(frozen=True, slots=True)
class Kind:
    """A sequence of tensors, a tensor that may be left out, or both: the type and shape of each tensor."""

    element: int
    shape: Shape | None
    sequence: bool
    optional: bool


def kinds(model: ModelProto) -> Mapping[str, Kind]:
    """The inputs and outputs of a model that are no plain tensors; what holds no tensors at all is left out."""
    return dict(_kinds((*model.graph.input, *model.graph.output)))


def _kinds(values: Iterable[ValueInfoProto]) -> Iterable[tuple[str, Kind]]:
    for value in values:
        inner, optional = value.type, value.type.HasField("optional_type")
        if optional:
            inner = inner.optional_type.elem_type
        sequence = inner.HasField("sequence_type")
        if sequence:
            inner = inner.sequence_type.elem_type
        if (optional or sequence) and inner.HasField("tensor_type"):
            yield value.name, _kind(inner, sequence=sequence, optional=optional)


def _kind(inner: TypeProto, *, sequence: bool, optional: bool) -> Kind:
    found = decoded(inner)
    return Kind(found.type, found.shape, sequence, optional)
