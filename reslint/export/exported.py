"""A Spec in, a model to be analysed out: normalizations kept, weights left out, places noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from onnx import ModelProto
from torch import nn

from reslint.anatomy.graph.ops import UNFOLDED
from reslint.errors import ExportFailed
from reslint.export.capture import How, depends_on_values, dynamo, folder, taken_over, torchscript
from reslint.export.dynamic import axis, fixed_axes, rename, shapes
from reslint.export.lean import absent, lean, placed
from reslint.export.load import Loaded, loaded
from reslint.export.spec import Spec, spec
from reslint.export.unread import read_by, unread
from reslint.measure import Unread
from reslint.net.read import light
from reslint.settings import Factory


@dataclass(frozen=True, slots=True)
class Exported:
    """A model without what is learned, what it does not read of its module, and what is to be said on how it was made."""

    model: ModelProto
    unread: tuple[Unread, ...]
    notes: tuple[str, ...] = ()


def asked(factory: Factory) -> tuple[Spec, How]:
    """What to load and how to export it, of texts. Raises BadConfiguration with what is wrong in them."""
    made = spec(factory.target, factory.inputs, factory.kwargs, fake=factory.fake, folder=factory.folder)
    return made, How(factory.exporter, factory.opset, tuple(map(axis, factory.dynamic)))


def exported(wanted: Spec, how: How) -> Exported:
    """Export for analysis. Raises ExportFailed with one line that names the user's own frame."""
    return analysed(loaded(wanted), how)


def in_memory(module: nn.Module, inputs: tuple[object, ...], kwargs: Mapping[str, object]) -> Exported:
    """Export a module that someone has at hand, in evaluation mode, and leave it in the modes that it was in."""
    modes = {part: part.training for part in module.modules()}
    try:
        return analysed(Loaded(module.eval(), inputs, kwargs), How())
    finally:
        for part, training in modes.items():
            part.training = training


def analysed(module: Loaded, how: How) -> Exported:
    """Export a module that was loaded, for analysis."""
    shapes(module, how.dynamic)
    if how.exporter == "torchscript":
        return _traced(module, how)
    try:
        made = dynamo(module, how)
    except ExportFailed as error:
        if how.exporter or module.fake or module.program or depends_on_values(error):
            raise
        return _fallen_back(module, how, error)
    fixed = fixed_axes(module, how.dynamic, _shapes(made))
    if fixed and not (how.exporter or module.fake or module.program):
        return _fallen_back(module, how, ExportFailed(f"can't be exported with these axes open: {fixed}"))
    read = read_by(made.exported_program) if made.exported_program is not None else None
    model = lean(made, module.module)
    rename(module, how.dynamic, model)
    notes = (f"exported with fewer axes open than asked for: {fixed}",) if fixed else ()
    return Exported(_unfolded(model), unread(module, read, model) if read is not None else (), notes)


def _shapes(made: torch.onnx.ONNXProgram) -> tuple[tuple[int | None, ...], ...]:
    """The shapes of a graph's inputs; None for an extent that is open."""
    shapes = (i.shape for i in made.model.graph.inputs)
    return tuple(tuple(d if isinstance(d, int) else None for d in s) if s is not None else () for s in shapes)


def _unfolded(model: ModelProto) -> ModelProto:
    """The model with the note that its normalizations are where they were."""
    model.metadata_props.add(key=UNFOLDED, value="1")
    return model


def _fallen_back(module: Loaded, how: How, error: ExportFailed) -> Exported:
    """Traced with TorchScript, with a note that says why; where that fails, too, the first error is the one to mend."""
    try:
        return _traced(module, how, taken_over(error))
    except ExportFailed:
        raise error from None


def _traced(module: Loaded, how: How, *notes: str) -> Exported:
    with folder() as here:
        file = here / "traced.onnx"
        torchscript(module, how, file, lint=True)
        model = light(file)
    placed(model)
    learned = _learned(module)
    read = frozenset(tensor.name for tensor in model.graph.initializer)
    read |= {name for node in model.graph.node for name in node.output}  # equal weights are one, under other names, too
    for tensor in model.graph.initializer:
        if tensor.name in learned or any(e.key == "location" for e in tensor.external_data):
            tensor.CopyFrom(absent(tensor.name, tensor.dims, tensor.data_type))
    return Exported(_unfolded(model), unread(module, read, model), notes)


def _learned(module: Loaded) -> frozenset[str]:
    return frozenset(n for n, p in module.module.named_parameters(remove_duplicate=False) if p.requires_grad)
