"""`initialization` measures what the scale of all weights does to a module's first gradient and to its outputs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.fx import GraphModule

from reslint.export.gradients import projected
from reslint.export.start import Over, Prepared, Start, in_time
from reslint.export.task import floating
from reslint.export.trainable import trainable
from reslint.measure import Initialization, Response

FACTORS = (0.5, 1.0, 2.0)


def initialization(made: Prepared, over: Over) -> Initialization:
    """All weights with two axes or more, times each factor.

    He et al. 2015 (arXiv:1502.01852): without normalization each plain layer multiplies by the factor.
    """
    kept = trainable(made.program, made.cuts, cut=False)
    cut = trainable(made.program, made.cuts, cut=True) if made.cuts else None
    return Initialization(
        made.anatomy, FACTORS, _response(made, kept, over), _response(made, cut, over) if cut is not None else None
    )


def _response(made: Prepared, net: GraphModule, over: Over) -> Response:
    rows = [tuple(_scaled(made.program, net, start)) for start in in_time(made.starts, over)]
    return Response(tuple(tuple(g for g, _ in row) for row in rows), tuple(tuple(o for _, o in row) for row in rows))


def _scaled(program: GraphModule, net: GraphModule, start: Start) -> Iterator[tuple[float, float]]:
    """The norm of the first weight's gradient and the size of the outputs for each factor."""
    for factor in FACTORS:
        start.give(program)
        weights = [p for p in program.parameters() if p.dim() > 1 and p.requires_grad]
        with torch.no_grad():
            for weight in weights:
                weight.mul_(factor)
        outputs = floating(net(*start.leaves))
        found = torch.autograd.grad(projected(outputs, start.seed), weights, allow_unused=True)
        # The first that a gradient reaches: with all shortcuts cut, the very first may be bypassed.
        yield next((norm for norm in map(_norm, found) if norm), 0.0), _rms(outputs)


def _norm(gradient: Tensor | None) -> float:
    return 0.0 if gradient is None else float(gradient.detach().double().norm())


def _rms(outputs: tuple[Tensor, ...]) -> float:
    return float(torch.cat([o.detach().double().flatten() for o in outputs]).square().mean().sqrt())
