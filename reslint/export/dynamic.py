"""`--dynamic` as it stands on the command line in, the axes of a module's inputs that get names out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from onnx import ModelProto
from torch import Tensor
from torch.utils import _pytree as pytree

from reslint.errors import BadConfiguration, ExportFailed
from reslint.export.load import Loaded

_FORM = re.compile(
    r"(?:(?P<input>[^\W\d][\w.]*):(?P<own>\d+)=(?P<given>[^\W\d]\w*))|(?P<name>[^\W\d]\w*)(?:=(?P<axis>\d+))?"
)
_KNOWN: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "batch": (0, (1, 2, 3, 4, 5, 6)),
    "seq": (1, (2, 3)),
    "height": (2, (4,)),
    "width": (3, (4,)),
}
"""What a bare name means: an axis, and how many axes the inputs have that it means."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with a name: of one input, or of all inputs that have so many axes."""

    name: str
    axis: int
    input: str = ""
    ranks: tuple[int, ...] = ()

    def of(self, owner: str, tensor: Tensor) -> bool:
        """Whether this is an axis of the tensors that an input holds."""
        fits = tensor.dim() > self.axis and (not self.ranks or tensor.dim() in self.ranks)
        return fits and self.input in ("", owner)


def axis(text: str) -> Axis:
    """`batch` (or seq, height, width), `NAME=AXIS` for every input, or `INPUT:AXIS=NAME` for one."""
    found = _FORM.fullmatch(text.replace(" ", ""))
    if found is None:
        raise BadConfiguration(f"--dynamic {text!r} is neither batch, seq=1 nor input:1=seq")
    if found["input"]:
        return Axis(found["given"], int(found["own"]), found["input"])
    if found["axis"]:
        return Axis(found["name"], int(found["axis"]))
    if found["name"] not in _KNOWN:
        raise BadConfiguration(f"--dynamic {text!r} needs an axis: {found['name']}=AXIS; {', '.join(_KNOWN)} need none")
    at, ranks = _KNOWN[found["name"]]
    return Axis(found["name"], at, ranks=ranks)


def arguments(loaded: Loaded) -> Mapping[str, object]:
    """What a module is called with, by the names of forward's parameters, as torch.export orders it."""
    try:
        return inspect.signature(loaded.module.forward).bind(*loaded.args, **loaded.kwargs).arguments
    except (TypeError, ValueError) as error:
        raise ExportFailed(f"forward can't be called with these inputs: {error}") from error


def shapes(loaded: Loaded, axes: Sequence[Axis]) -> Mapping[str, object] | None:
    """The names of the axes in the form that torch.export wants: the arguments' own tree; None where there are none.

    Raises ExportFailed where the axes don't fit, or the arguments.
    """
    if loaded.program is not None:
        if axes:
            raise ExportFailed("is a saved program, whose axes were fixed when it was saved: remove --dynamic")
        return None
    given = arguments(loaded)
    if not axes:
        return None
    unused = [a for a in axes if not any(a.of(name, t) for name, t in _tensors(given))]
    if unused:
        told = f"{unused[0].input}:{unused[0].axis}" if unused[0].input else f"{unused[0].name}={unused[0].axis}"
        known = ", ".join(f"{name} {list(t.shape)}" for name, t in _tensors(given)) or "none"
        raise ExportFailed(f"--dynamic {told} matches no input; the inputs are: {known}")

    def named(owner: str, leaf: object) -> object:
        return {a.axis: a.name for a in axes if a.of(owner, leaf)} if isinstance(leaf, Tensor) else None

    return {name: pytree.tree_map(lambda leaf, owner=name: named(owner, leaf), value) for name, value in given.items()}


def fixed_axes(loaded: Loaded, axes: Sequence[Axis], made: Sequence[Sequence[int | None]]) -> str:
    """The axes that were to be open and that an export has fixed nevertheless, as text; empty where it has none."""
    if not axes:
        return ""
    tensors = tuple(_tensors(arguments(loaded)))
    if len(tensors) != len(made):
        return ""  # the exporter has dropped an input that nothing reads
    found = [
        f"{a.name} is {size} in {owner}"
        for (owner, tensor), shape in zip(tensors, made, strict=True)
        for a in axes
        if a.of(owner, tensor) and a.axis < len(shape) and (size := shape[a.axis]) is not None
    ]
    return ", ".join(dict.fromkeys(found))


def rename(loaded: Loaded, axes: Sequence[Axis], model: ModelProto) -> None:
    """Give the inputs of a model the names that were asked for, where torch.export has found that two must be equal.

    That they must is what a user who gave them two names wants to hear, and where.
    """
    asked = {a.name for a in axes}
    tensors = tuple(_tensors(arguments(loaded))) if len(asked) > 1 else ()
    if len(tensors) != len(model.graph.input):
        return
    for (owner, tensor), made in zip(tensors, model.graph.input, strict=True):
        dims = made.type.tensor_type.shape.dim
        for a in axes:
            if a.of(owner, tensor) and a.axis < len(dims) and dims[a.axis].dim_param in asked - {a.name}:
                dims[a.axis].dim_param = a.name


def flat(loaded: Loaded, axes: Sequence[Axis]) -> tuple[tuple[str, ...], Mapping[str, Mapping[int, str]]]:
    """The names of the inputs and those of their axes, in the form that the TorchScript exporter wants."""
    names: list[str] = []
    found: dict[str, dict[int, str]] = {}
    for owner, tensor in _tensors(arguments(loaded)):
        name = owner if owner not in names else f"{owner}_{len(names)}"
        names.append(name)
        own = {a.axis: a.name for a in axes if a.of(owner, tensor)}
        found.update({name: own} if own else {})
    return tuple(names), found


def _tensors(given: Mapping[str, object]) -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors in what a module is called with, and under which parameter."""
    for name, value in given.items():
        yield from ((name, leaf) for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor))
