"""An exporter's graph in, a model for analysis out: normalizations kept, constants folded, weights left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import onnx_ir as ir
import onnxscript.optimizer
import torch
from onnx import GraphProto, ModelProto, TensorProto
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from reslint.export.blame import relative
from reslint.export.capture import quiet
from reslint.net.nodes import every_node
from reslint.net.skim import FIELD
from reslint.net.weights import MOST

TRACE = "pkg.torch.onnx.stack_trace"
_BIASED = frozenset({"Conv", "ConvTranspose", "Gemm"})
_FILE = re.compile(r'File "(?P<file>[^"\n]+)"')


def lean(made: torch.onnx.ONNXProgram, module: nn.Module) -> ModelProto:
    """The model that would be deployed, but that normalizations stay, and without what is learned.

    The exporter's rewriter would fold a normalization into the weights around it, and takes time that grows with the square
    of the nodes (onnxscript 0.7); of what it does only the removal of biases that the exporter made up is of account here.
    What is learned is left out: before training, zeros there (a branch that starts at nothing) mean nothing.
    """
    state = {
        n for n, _ in (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
    }
    held = {n: v.const_value for n, v in made.model.graph.initializers.items() if _is_hidden(v.const_value, n in state)}
    for name in held:
        made.model.graph.initializers[name].const_value = None
    with quiet():
        onnxscript.optimizer.fold_constants(made.model)
        onnxscript.optimizer.remove_unused_nodes(made.model)
    initializers = made.model.graph.initializers
    learned = frozenset(n for n, p in module.named_parameters(remove_duplicate=False) if p.requires_grad)
    left: list[TensorProto] = []
    for name, value in tuple(initializers.items()):
        value.const_value = value.const_value or held.get(name)
        tensor = value.const_value
        if tensor is not None and (name in learned or _is_empty(tensor) or tensor.size > MOST):
            initializers.pop(name)
            left.append(absent(name, (int(d) for d in tensor.shape.numpy()), tensor.dtype.value))
    proto: ModelProto = ir.to_proto(made.model)
    proto.graph.initializer.extend(left)
    _without_made_up_biases(proto.graph, state)
    placed(proto)
    return proto


def _without_made_up_biases(graph: GraphProto, state: Collection[str]) -> None:
    """Drop the zeros that the exporter gives to a convolution without a bias: a bias would be a sign of a folded norm."""
    zeros = {t.name for t in graph.initializer if t.name not in state and t.raw_data and not any(t.raw_data)}
    for node in graph.node:
        if node.op_type in _BIASED and len(node.input) == 3 and node.input[2] in zeros:
            del node.input[2]
    read = {name for node in every_node(graph) for name in node.input} | {output.name for output in graph.output}
    kept = [t for t in graph.initializer if t.name in read or t.name not in zeros]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def placed(model: ModelProto) -> None:
    """Let the stack traces of a model name files from the current folder, or from where packages are installed."""
    for node in every_node(model.graph):
        for entry in node.metadata_props:
            if entry.key == TRACE:
                entry.value = here(entry.value)


def absent(name: str, dims: Iterable[int], kind: int) -> TensorProto:
    """A tensor whose values are nowhere, and are not missed."""
    tensor = TensorProto(name=name, dims=dims, data_type=kind, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", ""), (FIELD, "9")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _is_hidden(tensor: ir.TensorProtocol | None, state: bool) -> bool:
    """Whether the optimizer is not to see a tensor: the numbers of a parameter or a buffer, and those that are none."""
    return tensor is not None and (state and tensor.dtype.is_floating_point() or _is_empty(tensor))


def _is_empty(tensor: ir.TensorProtocol) -> bool:
    """Whether a tensor only pretends to hold numbers."""
    return isinstance(getattr(tensor, "raw", None), FakeTensor)


def here(trace: str) -> str:
    return _FILE.sub(lambda found: f'File "{relative(found["file"])}"', trace)
