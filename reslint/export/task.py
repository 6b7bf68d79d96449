"""`Task` is what a module is trained on for some steps: the user's loss, or labels that are made up for its outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from reslint.errors import ExportFailed

_SEQUENCE = 3  # axes of an output up to which its last one counts as that of the classes

MADE_UP = (
    "labels that are made up: classes on the last axis of an output of two or three (cross-entropy), else normal numbers "
    "(squares)"
)
"""What the loss is where none is given, as all formats say it."""

Loss = Callable[[object], Tensor]


@dataclass(frozen=True, slots=True)
class Target:
    """What one output is to become: classes, or numbers of its own shape. `chance` is the loss of the best constant."""

    wanted: Tensor
    chance: float

    def loss(self, output: Tensor) -> Tensor:
        """The mean over all elements or rows."""
        if self.wanted.is_floating_point():
            return F.mse_loss(output, self.wanted.to(output))
        return F.cross_entropy(output.reshape(-1, output.shape[-1]).float(), self.wanted)


class Task(Protocol):
    """What a module is trained on. `chance` is the loss of the best constant outputs, zero where nobody knows it."""

    @property
    def chance(self) -> float:
        """The loss of the best constant outputs."""

    def loss(self, outputs: object) -> Tensor:
        """One number."""


@dataclass(frozen=True, slots=True)
class Given:
    """The user's own loss, called with the one tensor that a module gives, or with a tuple of all."""

    of: Loss
    chance: float = 0.0

    def loss(self, outputs: object) -> Tensor:
        """One number, in single precision at least."""
        found = floating(outputs)
        return self.of(found[0] if len(found) == 1 else found).float()


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A target for each output that can learn."""

    targets: tuple[Target, ...]

    @property
    def chance(self) -> float:
        """The loss of the best constant outputs."""
        return sum(target.chance for target in self.targets)

    def loss(self, outputs: object) -> Tensor:
        """The sum over all outputs, in single precision at least."""
        found = floating(outputs)
        return torch.stack([t.loss(o) for t, o in zip(self.targets, found, strict=True)]).sum()


def floating(outputs: object) -> tuple[Tensor, ...]:
    """The tensors among what a module gives that a gradient can go back from."""
    leaves = pytree.tree_leaves(outputs)
    return tuple(t for t in leaves if isinstance(t, Tensor) and t.is_floating_point() and t.requires_grad)


def made_up(outputs: object, inputs: Sequence[object], seed: int) -> MadeUp:
    """Targets for what a module gave, the same for each call with the same seed."""
    found = floating(outputs)
    if not found:
        raise ExportFailed("has no floating-point output that depends on its parameters: there is nothing to learn")
    random = torch.Generator().manual_seed(seed)
    return MadeUp(tuple(_target(output, inputs, random) for output in found))


def _target(output: Tensor, inputs: Sequence[object], random: torch.Generator) -> Target:
    classes = output.shape[-1] if output.dim() in range(2, _SEQUENCE + 1) else 1
    if classes < 2:
        return Target(torch.randn(output.shape, generator=random), 1.0)
    rows = output.numel() // classes
    labels = _by_token(output, inputs, classes, random)
    if labels is None:
        labels = torch.randperm(rows, generator=random) % classes
    shares = [int(count) / rows for count in labels.bincount() if count]
    return Target(labels, -sum(share * math.log(share) for share in shares))


def _by_token(output: Tensor, inputs: Sequence[object], classes: int, random: torch.Generator) -> Tensor | None:
    """A class for each token, where the module is called with tokens: without positions it can't tell equal ones apart."""
    for given in inputs:
        whole = isinstance(given, Tensor) and not given.is_floating_point() and given.dtype is not torch.bool
        if isinstance(given, Tensor) and whole and given.shape == output.shape[:-1] and given.numel():
            ids = torch.unique(given, return_inverse=True)[1].flatten()
            return (torch.randperm(int(ids.max()) + 1, generator=random) % classes)[ids]
    return None
