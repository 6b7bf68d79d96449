"""A batch of the user's and a loss in, what a module is called with and what it is trained on out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from reslint.errors import BadConfiguration, ExportFailed
from reslint.export.blame import blamed
from reslint.export.load import Called, made, named
from reslint.export.spec import Spec, is_factory
from reslint.export.task import MADE_UP, Loss

_PAIR = 2
_OWN = ("cross-entropy", "squares")


@dataclass(frozen=True, slots=True)
class Data:
    """What gives a batch (`module:factory`) and the loss for its targets; "" for what is made up, or chosen by the targets.

    Raises BadConfiguration for a loss that there is not, or that has no batch.
    """

    batch: str = ""
    loss: str = ""

    def __post_init__(self) -> None:
        if self.batch and not is_factory(self.batch):
            raise BadConfiguration(f"--data {self.batch!r} is not a module:factory, such as mypkg.data:batch")
        if self.loss and not self.batch:
            raise BadConfiguration("--loss needs --data: labels that are made up have a loss of their own")
        if self.loss and self.loss not in _OWN and not is_factory(self.loss):
            raise BadConfiguration(f"--loss {self.loss!r} is none of {', '.join(_OWN)}, and no module:function")


NONE = Data()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a module is called with, its loss, and that in words; None for what the factory or reslint makes up."""

    called: Called | None = None
    loss: Loss | None = None
    says: str = MADE_UP


def batched(data: Data, seed: int) -> Batch:
    """The batch for one seed. What the user's code gives is that of a DataLoader: inputs, or inputs and targets.

    Raises ExportFailed with one line.
    """
    if not data.batch:
        return Batch()
    found = made(Spec(data.batch), seed)
    if isinstance(found, Iterable) and not isinstance(found, Tensor | Mapping | tuple | list):
        found = next(iter(found), None)
    pair = isinstance(found, tuple | list) and len(found) == _PAIR
    inputs, targets = (found[0], found[1]) if isinstance(found, tuple | list) and pair else (found, None)
    if not isinstance(inputs, Tensor | Mapping | tuple | list):
        raise ExportFailed(
            f"{data.batch} gives something of the type {type(inputs).__name__}, where inputs (a tensor, a tuple of arguments "
            "or a dict of keywords) or a pair of inputs and targets are needed"
        )
    called: Called = (
        ((), {str(k): v for k, v in inputs.items()}) if isinstance(inputs, Mapping) else (_args(inputs), {})
    )
    if targets is None:
        if data.loss:
            raise ExportFailed(f"{data.batch} gives no targets for --loss {data.loss}: let it give (inputs, targets)")
        return Batch(called)
    name, loss = _loss(data, targets)
    return Batch(called, loss, f"{name} of a batch of {data.batch}")


def _args(inputs: object) -> tuple[object, ...]:
    return tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)


def _loss(data: Data, targets: object) -> tuple[str, Loss]:
    name = data.loss
    if not name:
        whole = isinstance(targets, Tensor) and not targets.is_floating_point()
        name = _OWN[0] if whole else _OWN[1]
    if name in _OWN:
        if not isinstance(targets, Tensor):
            raise ExportFailed(f"{data.batch} gives targets that are no tensor: give --loss module:function for them")
        return name, partial(_cross_entropy if name == _OWN[0] else _squares, targets)
    return name, partial(_own, name, named(name), targets)


def _cross_entropy(targets: Tensor, outputs: object) -> Tensor:
    """Classes on the last axis where the targets have all axes but that, else on the second, as PyTorch has it."""
    output = _one(outputs)
    if output.shape[:-1] == targets.shape:
        return F.cross_entropy(output.reshape(-1, output.shape[-1]).float(), targets.reshape(-1))
    return F.cross_entropy(output.float(), targets)


def _squares(targets: Tensor, outputs: object) -> Tensor:
    output = _one(outputs)
    return F.mse_loss(output.float(), targets.to(output).float().reshape(output.shape))


def _own(name: str, function: object, targets: object, outputs: object) -> Tensor:
    if not callable(function):
        raise ExportFailed(f"{name} can't be called: --loss is a function of outputs and targets")
    with blamed(f"{name} fails"):
        found: object = function(outputs, targets)
    if not isinstance(found, Tensor) or found.numel() != 1:
        raise ExportFailed(
            f"{name} gives no single number: --loss is a function of outputs and targets that gives a scalar"
        )
    return found.reshape(())


def _one(outputs: object) -> Tensor:
    """The first of several outputs."""
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    return first if isinstance(first, Tensor) else torch.zeros(())
