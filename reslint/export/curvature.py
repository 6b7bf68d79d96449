"""`curvature` measures how curved a module's loss is where its training starts: the largest Gauss-Newton eigenvalue."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.nn.attention import SDPBackend, sdpa_kernel

from reslint.export.start import Over, Prepared, Start, in_time
from reslint.export.task import floating
from reslint.export.trainable import trainable
from reslint.measure import Curvature

_ROUNDS = 20  # of power iteration
_SETTLED = 0.02  # relative change from round to round at which it ends

Vector = tuple[Tensor, ...]


def curvature(made: Prepared, over: Over) -> Curvature:
    """With the shortcuts and with all of them cut, for each seed.

    The Gauss-Newton matrix and not the Hessian: that one's eigenvalue of largest magnitude may be negative at the start.
    """
    kept = trainable(made.program, made.cuts, cut=False)
    cut = trainable(made.program, made.cuts, cut=True) if made.cuts else None
    of_kept = tuple(_largest(made.program, kept, start) for start in in_time(made.starts, over))
    of_cut = (
        tuple(_largest(made.program, cut, start) for start in in_time(made.starts, over)) if cut is not None else None
    )
    return Curvature(made.anatomy, of_kept, of_cut)


def _largest(program: GraphModule, net: GraphModule, start: Start) -> float:
    """Power iteration on J^T H J, where J are the outputs' derivatives and H is the loss's Hessian by the outputs.

    J v comes of differentiating J^T w by w, so that one graph serves all rounds (no forward mode is needed).
    """
    start.give(program)
    parameters = [p for p in program.parameters() if p.requires_grad]
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernel has no second derivative
        outputs = floating(net(*start.leaves))
    free = [o.detach().requires_grad_() for o in outputs]
    slopes = torch.autograd.grad(start.task(outputs).loss(free), free, create_graph=True)
    weights = [torch.ones_like(o, requires_grad=True) for o in outputs]
    back = torch.autograd.grad(outputs, parameters, weights, create_graph=True, allow_unused=True)
    reached = [(p, b) for p, b in zip(parameters, back, strict=True) if b is not None]
    random = torch.Generator().manual_seed(start.seed)
    vector = _unit([torch.randn(p.shape, generator=random).to(p) for p, _ in reached])
    value = 0.0
    for _ in range(_ROUNDS):
        moved = torch.autograd.grad([b for _, b in reached], weights, vector, retain_graph=True, allow_unused=True)
        bent = _bent(slopes, free, moved)
        product = torch.autograd.grad(outputs, [p for p, _ in reached], bent, retain_graph=True)
        before, value = value, _length(product)
        if not value > 0 or abs(value - before) <= _SETTLED * value:
            break
        vector = _unit(product)
    return value


def _bent(slopes: Sequence[Tensor], free: Sequence[Tensor], moved: Sequence[Tensor | None]) -> Vector:
    """The loss's Hessian by the outputs, times a change of the outputs."""
    change = [torch.zeros_like(f) if m is None else m for f, m in zip(free, moved, strict=True)]
    found = torch.autograd.grad(slopes, free, change, retain_graph=True, allow_unused=True)
    return tuple(torch.zeros_like(f) if b is None else b for f, b in zip(free, found, strict=True))


def _length(vector: Sequence[Tensor]) -> float:
    return float(torch.stack([t.detach().double().norm() for t in vector]).norm())


def _unit(vector: Sequence[Tensor]) -> Vector:
    length = _length(vector)
    return tuple((t.detach() / length) for t in vector)
