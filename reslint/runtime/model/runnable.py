"""A model file in, what ONNX Runtime is given out: a small model whose weights stay in the file that holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, numpy_helper

from reslint.errors import RunFailed
from reslint.net import Net
from reslint.net.arithmetic import held
from reslint.net.external import is_lacking
from reslint.net.functions import inlined
from reslint.net.read import light
from reslint.net.skim import FIELD
from reslint.net.values import Array
from reslint.net.weights import load
from reslint.runtime.model.fill import filled
from reslint.runtime.protocol.job import Plan
from reslint.runtime.protocol.providers import CPU

_RAW = "9"  # the field of TensorProto whose bytes ONNX Runtime can read in place
_ALL = 1 << 62
_SMALL = 256  # elements that may stand in the model itself
_NARROW = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})
_TYPE_ATTRIBUTES = frozenset({"to", "dtype", "stash_type", "output_dtype"})


@dataclass(frozen=True, slots=True)
class Runnable:
    """A model without its large weights, the folder in which they lie, those that lie in memory, and how many are made up.

    `wide` says that it was of half precision and is none anymore, `was` which type it was where the CPU has no kernels for
    it. `libraries` bring its custom ops, `given` are options of the provider that runs it.
    """

    proto: ModelProto
    folder: Path
    weights: Mapping[str, Array]
    made_up: int = 0
    wide: bool = False
    libraries: tuple[str, ...] = ()
    was: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    def copy(self) -> Runnable:
        """The same with a graph of its own, to be changed."""
        proto = ModelProto()
        proto.CopyFrom(self.proto)
        return replace(self, proto=proto)


def runnable(
    net: Net, fill: int | None = None, libraries: Sequence[Path] = (), given: Mapping[str, str] | None = None
) -> Runnable:
    """What ONNX Runtime needs to run a net's file. Weights that are missing are made up from the seed `fill`.

    Raises RunFailed where weights are missing and there is no seed.
    """
    if net.unread and fill is None:
        raise RunFailed(f"can't be run: {net.unread[0]}, or run it on generated weights with --fill")
    model = light(net.path)
    if model.functions:
        model = inlined(model)
    file = net.path.resolve()
    weights: dict[str, Array] = {}
    made_up = 0
    for tensor in model.graph.initializer:
        entries = {e.key: e.value for e in tensor.external_data}
        if fill is not None and net.unread and is_lacking(tensor, net.path):
            weights[tensor.name] = filled(net, tensor, fill)
            made_up += 1
            _refer(tensor, file.name, {})
        elif entries.get(FIELD) == _RAW:
            _refer(tensor, file.name, entries)
        elif FIELD in entries:
            weights[tensor.name] = _loaded(net, tensor)
            _refer(tensor, file.name, {})
    for tensor in _inner(model.graph):
        if any(e.key == FIELD for e in tensor.external_data):
            tensor.CopyFrom(numpy_helper.from_array(_loaded(net, tensor), tensor.name))
        elif fill is not None and net.unread and is_lacking(tensor, net.path):
            tensor.CopyFrom(numpy_helper.from_array(filled(net, tensor, fill), tensor.name))
            made_up += 1
    named = tuple(str(library.resolve()) for library in libraries)
    return Runnable(model, file.parent, weights, made_up, libraries=named, given=given or {})


def plan(label: str, model: Runnable, *, optimized: bool = True, times: int = 1, provider: str = CPU) -> Plan:
    """A session of a model."""
    bytes_ = model.proto.SerializeToString()
    of_model = (label, bytes_, str(model.folder), model.weights)
    more = Plan(*of_model, provider=provider, optimized=optimized, times=times)
    return replace(more, wide=model.wide, libraries=model.libraries, given=model.given)


def is_half(model: ModelProto) -> bool:
    """Whether a model holds weights of half precision, as initializers or as constants."""
    held = (*model.graph.initializer, *_inner(model.graph))
    return any(tensor.data_type == TensorProto.FLOAT16 for tensor in held)


def widened(model: Runnable, net: Net) -> Runnable:
    """The same model in float32, so that what would overflow half precision can be seen.

    ONNX Runtime's CPU kernels compute half precision in float32 here and there, so that a half-precision run shows neither
    the one nor the other.
    """
    wide = model.copy()
    weights = dict(wide.weights)
    for tensor in wide.proto.graph.initializer:
        if tensor.data_type not in _NARROW:
            continue
        held = weights.get(tensor.name)
        values = (_weight(net, tensor.name) if held is None else held).astype(np.float32)
        if values.size > _SMALL:
            weights[tensor.name] = values
            dims = tuple(tensor.dims)
            tensor.CopyFrom(TensorProto(name=tensor.name, dims=dims, data_type=TensorProto.FLOAT))
            _refer(tensor, "memory", {})
        else:
            weights.pop(tensor.name, None)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    _widen(wide.proto.graph)
    return replace(wide, weights=weights, wide=True)


def _widen(graph: GraphProto) -> None:
    """Turn half precision into float32 in all that a graph declares or casts to."""
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        _widen_type(value.type)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in _TYPE_ATTRIBUTES and attribute.i in _NARROW:
                attribute.i = TensorProto.FLOAT
            if attribute.HasField("t") and attribute.t.data_type in _NARROW:
                values = held(attribute.t).astype(np.float32)
                attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))
        for body in _bodies(node):
            for tensor in body.initializer:
                if tensor.data_type in _NARROW:
                    values = held(tensor).astype(np.float32)
                    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
            _widen(body)


def _widen_type(kind: TypeProto) -> None:
    if kind.tensor_type.elem_type in _NARROW:
        kind.tensor_type.elem_type = TensorProto.FLOAT


def _weight(net: Net, name: str) -> Array:
    constant = net.constants.get(name)
    if not isinstance(constant, TensorProto):
        raise RunFailed(f"can't be run: the weight {name!r} can't be read")
    return _loaded(net, constant)


def _loaded(net: Net, tensor: TensorProto) -> Array:
    found = load(net, tensor, _ALL)
    if found is None:
        raise RunFailed(f"can't be run: the weight {tensor.name!r} can't be read")
    return found


def _refer(tensor: TensorProto, location: str, entries: Mapping[str, str]) -> None:
    """Let a tensor's values be those in a file."""
    del tensor.external_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **{k: entries[k] for k in ("offset", "length") if k in entries}}.items():
        tensor.external_data.add(key=key, value=value)


def _inner(graph: GraphProto, depth: int = 0) -> Iterator[TensorProto]:
    """The tensors inside nodes and bodies; ONNX Runtime wants their values in the model."""
    if depth:
        yield from graph.initializer
    for node in graph.node:
        yield from (a.t for a in node.attribute if a.HasField("t"))
        for body in _bodies(node):
            yield from _inner(body, depth + 1)


def _bodies(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        yield from (attribute.g,) if attribute.HasField("g") else attribute.graphs
