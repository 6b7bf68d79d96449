"""`prepared` exports a PyTorch module once, and holds the parameters and inputs that it starts with for each seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.utils import _pytree as pytree

from reslint.anatomy import Anatomy, Block, dissect
from reslint.errors import ExportFailed
from reslint.export.capture import How, dynamo
from reslint.export.cuts import Cut, cuts
from reslint.export.data import NONE, Data, batched
from reslint.export.layers import Weighted, layers
from reslint.export.lean import lean
from reslint.export.load import Loaded, loaded
from reslint.export.spec import Spec
from reslint.export.task import MADE_UP, Given, Loss, Task, made_up
from reslint.net import from_proto

Over = Callable[[], bool]
"""Whether time is over."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a module starts with for one seed: its parameters and buffers, and what it is called with, flat.

    `loss` is that of a batch that was given; labels are made up where it is None.
    """

    seed: int
    state: Mapping[str, Tensor]
    leaves: tuple[object, ...]
    loss: Loss | None = None

    def task(self, outputs: object) -> Task:
        """What the module is trained on, which gives these outputs now."""
        return made_up(outputs, self.leaves, self.seed) if self.loss is None else Given(self.loss)

    def give(self, program: GraphModule) -> None:
        """Give a program these parameters, each to be learned if it is of a floating-point type."""
        program.load_state_dict(self.state)
        for parameter in program.parameters():
            parameter.requires_grad_(parameter.is_floating_point())


@dataclass(frozen=True, slots=True)
class Prepared:
    """An exported module: its anatomy, the program, where its shortcuts can be cut, its layers, and a start for each seed.

    `left` are the blocks that can't be cut, each with the reason; `fed` says what the module is called with, `loss` what
    it is trained on.
    """

    anatomy: Anatomy
    program: GraphModule
    cuts: tuple[Cut, ...]
    left: tuple[tuple[Block, str], ...]
    layers: tuple[Weighted, ...]
    starts: tuple[Start, ...]
    fed: str
    loss: str = MADE_UP

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the starts."""
        return tuple(start.seed for start in self.starts)

    @property
    def fresh(self) -> bool:
        """Whether the parameters differ from seed to seed; nothing tells where there is one seed."""
        names = {name for name, _ in self.program.named_parameters()}
        states = [start.state for start in self.starts]
        return len(states) == 1 or any(not torch.equal(a[n], b[n]) for a, b in pairwise(states) for n in names & {*a})


def prepared(spec: Spec, seeds: Sequence[int], data: Data = NONE) -> Prepared:
    """Export a module once, and build it anew for each seed.

    Raises ExportFailed with one line that names the user's own frame.
    """
    if spec.saved:
        raise ExportFailed("is a saved program, which can't be initialized again: name its module:factory instead")
    batch = batched(data, seeds[0])
    first = loaded(spec, seeds[0], batch.called)
    if first.fake is not None:
        raise ExportFailed("has no weights to initialize: build it on the CPU, not on the meta device")
    anatomy, program = _program(first)
    found, left = cuts(anatomy, program.graph)
    starts = [_start(program, first, seeds[0], batch.loss)]
    for seed in seeds[1:]:
        batch = batched(data, seed)
        starts.append(_start(program, loaded(spec, seed, batch.called), seed, batch.loss))
    starts[0].give(program)
    weighted, fed = layers(program, anatomy.net), ", ".join(_fed(first))
    return Prepared(anatomy, program, found, left, weighted, tuple(starts), fed, batch.says)


def in_time(starts: Sequence[Start], over: Over) -> Iterator[Start]:
    """The first start, and the others as long as there is time."""
    for at, start in enumerate(starts):
        if at and over():
            return
        yield start


def _program(start: Loaded) -> tuple[Anatomy, GraphModule]:
    """The anatomy of a module's export, and the very program that was exported."""
    made = dynamo(start, How())
    if made.exported_program is None:
        raise ExportFailed("torch.onnx.export kept no program: install a newer torch")
    program: GraphModule = made.exported_program.module()
    return dissect(from_proto(lean(made, start.module))), program


def _start(program: GraphModule, made: Loaded, seed: int, loss: Loss | None) -> Start:
    """What a module was built with. It must have the parameters of the program, whatever their values."""
    new = {name: t.detach().clone() for name, t in made.module.state_dict().items()}
    old = program.state_dict()
    if {name: t.shape for name, t in new.items()} != {name: t.shape for name, t in old.items()}:
        raise ExportFailed("differs between seeds: its factory must create the same parameters each time")
    return Start(seed, new, tuple(pytree.tree_leaves((made.args, dict(made.kwargs)))), loss)


def _fed(start: Loaded) -> Iterator[str]:
    """The shapes of the tensors that a module is called with."""
    for leaf in pytree.tree_leaves((start.args, dict(start.kwargs))):
        if isinstance(leaf, Tensor):
            yield "x".join(map(str, leaf.shape)) or "scalar"
