"""A Spec in, the GradientFlow of its module out: what reaches each residual block, with the shortcuts and without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.utils import _pytree as pytree

from reslint.anatomy import Anatomy, dissect
from reslint.errors import ExportFailed
from reslint.export.blame import blamed
from reslint.export.capture import How, dynamo
from reslint.export.cuts import Cut, cuts
from reslint.export.lean import lean
from reslint.export.load import Loaded, loaded
from reslint.export.spec import Spec
from reslint.export.twin import Twin, batch_normalizations
from reslint.measure import GradientFlow, Passage, Reach
from reslint.net import from_proto


@dataclass(frozen=True, slots=True)
class _Norms:
    """What one seed gave at one block, with the shortcuts and without."""

    kept: tuple[float, float]
    cut: tuple[float, float]
    carried: float


def gradient_flow(spec: Spec, seeds: Sequence[int]) -> GradientFlow:
    """Measure the gradient at each residual block for each seed, from which parameters, made-up inputs and loss start.

    Raises ExportFailed with one line that names the user's own frame.
    """
    if spec.saved:
        raise ExportFailed(
            "is a saved program, which can't be initialized anew: give the module:factory it was made of"
        )
    first = loaded(spec, seeds[0])
    if first.fake is not None:
        raise ExportFailed("has no weights to initialize: build it on the CPU, not on the meta device")
    anatomy, program = _program(first)
    found, left = cuts(anatomy, program.graph)
    runs: list[tuple[_Norms, ...]] = []
    fresh = len(seeds) == 1
    for seed in seeds:
        start = loaded(spec, seed) if runs else first
        fresh = _started(program, start) or fresh
        with blamed("its gradient can't be measured"):
            runs.append(tuple(_measured(program, start, found, seed)))
    return GradientFlow(
        anatomy,
        tuple(_passage(cut, [run[at] for run in runs]) for at, cut in enumerate(found)),
        tuple(seeds),
        fresh,
        batch_normalizations(program),
        ", ".join(_fed(first)),
        left,
    )


def _program(start: Loaded) -> tuple[Anatomy, GraphModule]:
    """The anatomy of a module's export, and the very program that was exported."""
    made = dynamo(start, How())
    if made.exported_program is None:
        raise ExportFailed("torch.onnx.export kept no program: a newer torch is needed")
    program: GraphModule = made.exported_program.module()
    return dissect(from_proto(lean(made, start.module))), program


def _started(program: GraphModule, start: Loaded) -> bool:
    """Give a program the parameters and buffers of a module, and say whether the parameters are others than before."""
    new = start.module.state_dict()
    old = program.state_dict()
    if {name: t.shape for name, t in new.items()} != {name: t.shape for name, t in old.items()}:
        raise ExportFailed("is another module for another seed: its factory must make the same parameters each time")
    changed = any(not torch.equal(p, new[name]) for name, p in program.named_parameters() if name in new)
    program.load_state_dict(new)
    for parameter in program.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    return changed


def _measured(program: GraphModule, start: Loaded, cuts: Sequence[Cut], seed: int) -> Iterator[_Norms]:
    """The norms of one seed, block by block."""
    kept = list(_gradients(program, start, cuts, seed, cut=False))
    for (norms, carried), (without, _) in zip(kept, _gradients(program, start, cuts, seed, cut=True), strict=True):
        yield _Norms(norms, without, carried)


def _gradients(
    program: GraphModule, start: Loaded, cuts: Sequence[Cut], seed: int, *, cut: bool
) -> Iterator[tuple[tuple[float, float], float]]:
    """The norms at input and parameters, and the share that the shortcut carried; all of one run, block by block."""
    run = Twin(program, cuts, cut=cut)
    run.run(*pytree.tree_leaves((start.args, dict(start.kwargs))), enable_io_processing=False)
    loss = _projected(run.outputs, seed)
    parameters = dict(program.named_parameters())
    forks = [run.forks[c.fork] for c in cuts]
    wanted = [*forks, *run.ends.values(), *parameters.values()]
    found = torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=not cut)
    of_forks, others = found[: len(forks)], found[len(forks) :]
    of_ends = dict(zip(run.ends, others[: len(run.ends)], strict=True))
    of_parameters = dict(zip(parameters, others[len(run.ends) :], strict=True))
    for c, fork, arrived in zip(cuts, forks, of_forks, strict=True):
        whole = _norm(arrived)
        own = math.hypot(*(_norm(of_parameters.get(name)) for name in c.parameters))
        yield (whole, own), _carried(run.ends.get(c.merge), fork, of_ends.get(c.merge), whole)


def _carried(end: Tensor | None, fork: Tensor, arrived: Tensor | None, whole: float) -> float:
    """The share of the gradient at a fork that its shortcut brings from its end."""
    if end is None or arrived is None or not whole:
        return 0.0 if whole else math.nan
    (part,) = torch.autograd.grad(end, (fork,), grad_outputs=arrived, retain_graph=True, allow_unused=True)
    return _norm(part) / whole


def _projected(outputs: Sequence[Tensor], seed: int) -> Tensor:
    """A random projection of the outputs, whose gradient there has norm 1: no labels, and no direction is preferred."""
    if not outputs:
        raise ExportFailed(
            "has no floating-point output that depends on its parameters: there is no gradient to measure"
        )
    random = torch.Generator().manual_seed(seed)
    weights = [torch.randn(t.shape, generator=random).to(t) for t in outputs]
    length = math.hypot(*map(_norm, weights))
    return torch.stack([(t * w).sum() / length for t, w in zip(outputs, weights, strict=True)]).sum()


def _norm(gradient: Tensor | None) -> float:
    """In double precision, where squares of what is small do not vanish; zero where nothing arrived."""
    return 0.0 if gradient is None else float(gradient.detach().double().norm())


def _passage(cut: Cut, runs: Sequence[_Norms]) -> Passage:
    kept, without = (Reach(*zip(*norms, strict=True)) for norms in ([r.kept for r in runs], [r.cut for r in runs]))
    return Passage(cut.block, kept, without, tuple(r.carried for r in runs))


def _fed(start: Loaded) -> Iterator[str]:
    """The shapes of the tensors that a module is called with."""
    for leaf in pytree.tree_leaves((start.args, dict(start.kwargs))):
        if isinstance(leaf, Tensor):
            yield "x".join(map(str, leaf.shape)) or "scalar"
