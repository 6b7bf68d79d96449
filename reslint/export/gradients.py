"""`gradient_flow` measures the gradient that reaches each residual block at initialization, with the shortcuts and without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule

from reslint.errors import ExportFailed
from reslint.export.blame import blamed
from reslint.export.cuts import Cut
from reslint.export.layers import Weighted
from reslint.export.spec import Spec
from reslint.export.start import Prepared, Start, prepared
from reslint.export.twin import Twin, batch_normalizations
from reslint.measure import GradientFlow, Layer, Passage, Reach

_FEW = 2  # blocks that tell a gradient's way; with fewer, it is told by layers


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
    return gradients(prepared(spec, seeds))


def gradients(made: Prepared) -> GradientFlow:
    """The gradient at each residual block of an exported module, by layers where there are fewer than two blocks."""
    runs: list[tuple[_Norms, ...]] = []
    by_layer: list[tuple[tuple[float, float], ...]] = []
    told = made.layers if len(made.cuts) < _FEW else ()
    for start in made.starts:
        start.give(made.program)
        with blamed("its gradient can't be measured"):
            runs.append(tuple(_measured(made.program, start, made.cuts)))
            by_layer.append(tuple(_layered(made.program, start, told)))
    return GradientFlow(
        made.anatomy,
        tuple(_passage(cut, [run[at] for run in runs]) for at, cut in enumerate(made.cuts)),
        made.seeds,
        made.fresh,
        batch_normalizations(made.program),
        made.fed,
        made.left,
        tuple(Layer(w.op, Reach(*zip(*(run[at] for run in by_layer), strict=True))) for at, w in enumerate(told)),
    )


def _measured(program: GraphModule, start: Start, cuts: Sequence[Cut]) -> Iterator[_Norms]:
    """The norms of one seed, block by block."""
    kept = list(_gradients(program, start, cuts, cut=False))
    for (norms, carried), (without, _) in zip(kept, _gradients(program, start, cuts, cut=True), strict=True):
        yield _Norms(norms, without, carried)


def _layered(program: GraphModule, start: Start, layers: Sequence[Weighted]) -> Iterator[tuple[float, float]]:
    """The norms of the gradient at the output of each layer and over its weights."""
    if not layers:
        return
    run = Twin(program, (), cut=False, watched=(layer.output for layer in layers))
    run.run(*start.leaves, enable_io_processing=False)
    parameters = dict(program.named_parameters())
    outputs = [run.forks[layer.output] for layer in layers]
    found = torch.autograd.grad(projected(run.outputs, start.seed), [*outputs, *parameters.values()], allow_unused=True)
    own = dict(zip(parameters, found[len(outputs) :], strict=True))
    for layer, arrived in zip(layers, found, strict=False):
        yield _norm(arrived), math.hypot(*(_norm(own[name]) for name in layer.parameters))


def _gradients(
    program: GraphModule, start: Start, cuts: Sequence[Cut], *, cut: bool
) -> Iterator[tuple[tuple[float, float], float]]:
    """The norms at input and parameters, and the share that the shortcut carried; all of one run, block by block."""
    run = Twin(program, cuts, cut=cut)
    run.run(*start.leaves, enable_io_processing=False)
    loss = projected(run.outputs, start.seed)
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


def projected(outputs: Sequence[Tensor], seed: int) -> Tensor:
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
