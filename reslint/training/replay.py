"""`Replay` runs a module's exported program with the parameters that it has now, and sees its residual blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.utils import _pytree as pytree

from reslint.anatomy import Anatomy, dissect
from reslint.anatomy.views.source import module_of
from reslint.errors import ExportFailed
from reslint.export.capture import How, dynamo
from reslint.export.cuts import Cut, cuts
from reslint.export.lean import lean
from reslint.export.load import Loaded
from reslint.export.twin import Twin
from reslint.net import from_proto


@dataclass(frozen=True, slots=True)
class Seen:
    """What a block's branch adds to its stream, and the largest magnitude behind the merge."""

    ratio: float
    peak: float


class _Watching(Twin):
    """Notes the sides of each merge and what comes out of it."""

    def __init__(self, program: GraphModule, found: Sequence[Cut]) -> None:
        super().__init__(program, found, cut=False)
        self.merges = {cut.merge: cut.at for cut in found}
        self.seen: dict[str, tuple[Tensor, Tensor]] = {}

    def run_node(self, n: Node) -> object:
        value = super().run_node(n)
        if n.name in self.merges and isinstance(value, Tensor):
            sides = [self.env[side] for side in n.args if isinstance(side, Node)]
            at = n.args[self.merges[n.name]]
            stream = self.env[at] if isinstance(at, Node) else value
            branch = next((side for side in sides if side is not stream), stream)
            self.seen[n.name] = (_rms(branch) / _rms(stream), value.abs().amax())
        return value


class Replay:
    """A module's residual blocks, found once by export; `sees` runs them on a held batch with the present parameters."""

    def __init__(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        self.module = module
        self.leaves = tuple(pytree.tree_leaves((tuple(args), dict(kwargs))))
        self.anatomy, self.program = _exported(module, args, kwargs)
        self.cuts, _ = cuts(self.anatomy, self.program.graph)
        self.names = tuple(_name(cut) for cut in self.cuts)

    def sees(self) -> tuple[Seen, ...]:
        """Each block as it is now. Batch normalization takes the held batch's statistics; dropout is off."""
        self.program.load_state_dict(self.module.state_dict(), strict=False)
        watching = _Watching(self.program, self.cuts)
        with torch.no_grad():
            watching.run(*self.leaves, enable_io_processing=False)
        numbers = torch.stack([t.float() for cut in self.cuts for t in watching.seen[cut.merge]] or [torch.zeros(())])
        flat = numbers.tolist()  # all at once: a device is waited for but once
        return tuple(Seen(*flat[2 * at : 2 * at + 2]) for at in range(len(self.cuts)))

    def parameters(self) -> Iterator[tuple[nn.Parameter, ...]]:
        """The module's own parameters, block by block."""
        known = dict(self.module.named_parameters(remove_duplicate=False))
        for cut in self.cuts:
            yield tuple(known[name] for name in cut.parameters if name in known)


def _exported(module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[Anatomy, GraphModule]:
    """The anatomy and the program of a module, which is left in the modes that it was in."""
    modes = {name: part.training for name, part in module.named_modules()}
    try:
        made = dynamo(Loaded(module.eval(), tuple(args), dict(kwargs)), How())
    finally:
        for name, part in module.named_modules():
            part.training = modes[name]
    if made.exported_program is None:
        raise ExportFailed("torch.onnx.export kept no program: a newer torch is needed")
    return dissect(from_proto(lean(made, module))), made.exported_program.module()


def _name(cut: Cut) -> str:
    return f"{module_of(cut.block.merge) or ''} {cut.block.merge.id}".strip()


def _rms(tensor: Tensor) -> Tensor:
    return tensor.float().square().mean().sqrt()
