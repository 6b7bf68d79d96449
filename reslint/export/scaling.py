"""`scaling` builds a module at several depths or widths, and measures sizes at its start and after its first steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from reslint.anatomy import Anatomy
from reslint.export.data import Data
from reslint.export.spec import Spec
from reslint.export.start import Over, Prepared, Start, prepared
from reslint.export.trainable import trainable
from reslint.export.twin import Twin
from reslint.measure import Scaling, Sizes, Trend

STEPS = 3
RATE = 1e-3
"""Of Adam, small and the same for all sizes, as in the coordinate check of Yang et al. 2022 (arXiv:2203.03466, appendix D)."""

_FEW = 2  # seeds
_LEAST = 2  # values that have an exponent

Numbers = tuple[float, float, float, float]


def scaling(
    spec: Spec, seeds: Sequence[int], scale: Mapping[str, Sequence[float]], over: Over, data: Data
) -> Scaling | None:
    """A trend for each keyword of the factory; None where there was not the time for two values of one."""
    trends: list[Trend] = []
    anatomy: Anatomy | None = None
    for keyword, values in scale.items():
        done: list[tuple[float, Prepared, Sizes, Sizes | None]] = []
        for value in sorted(values):
            if over():
                break
            made = prepared(replace(spec, kwargs={**spec.kwargs, keyword: value}), seeds[:_FEW], data)
            done.append((value, made, _sizes(made, cut=False), _sizes(made, cut=True) if made.cuts else None))
            anatomy = anatomy or made.anatomy
        if len(done) < _LEAST:
            return None
        trends.append(_trend(keyword, done, sorted(values)[len(done) :]))
    return Scaling(anatomy, tuple(trends), STEPS, RATE) if anatomy is not None else None


def _trend(keyword: str, done: Sequence[tuple[float, Prepared, Sizes, Sizes | None]], left: Sequence[float]) -> Trend:
    first, last = done[0][1], done[-1][1]
    deepens = len(first.cuts) != len(last.cuts) or not last.cuts and len(first.layers) != len(last.layers)
    cut = tuple(sizes for *_, sizes in done if sizes is not None)
    values = tuple(value for value, *_ in done)
    return Trend(
        keyword, values, deepens, tuple(k for *_, k, _ in done), cut if len(cut) == len(done) else (), tuple(left)
    )


def _sizes(made: Prepared, *, cut: bool) -> Sizes:
    return Sizes(*zip(*(_moved(made, start, cut=cut) for start in made.starts), strict=True))


def _moved(made: Prepared, start: Start, *, cut: bool) -> Numbers:
    """The sizes of one seed: of the last stream and the outputs, each at the start and of its change."""
    start.give(made.program)
    before = tuple(_seen(made, start, cut=cut))
    net = trainable(made.program, made.cuts, cut=cut)
    task = start.task(net(*start.leaves))
    optimizer = torch.optim.Adam([p for p in made.program.parameters() if p.requires_grad], RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward((task.loss(net(*start.leaves)),))
        optimizer.step()
    after = tuple(_seen(made, start, cut=cut))
    (stream, stream_moved), (outputs, outputs_moved) = (
        (_rms(b), _rms(a - b)) if a is not None and b is not None else (math.nan, math.nan)
        for b, a in zip(before, after, strict=True)
    )
    return stream, stream_moved, outputs, outputs_moved


def _seen(made: Prepared, start: Start, *, cut: bool) -> Iterator[Tensor | None]:
    """What the last block hands on, None where there is no block, and the outputs."""
    last = made.cuts[-1].merge if made.cuts else None
    run = Twin(made.program, made.cuts, cut=cut, watched=(last,) if last else ())
    run.run(*start.leaves, enable_io_processing=False)
    yield run.forks[last].detach().flatten() if last else None
    yield torch.cat([o.detach().flatten() for o in run.outputs])


def _rms(tensor: Tensor) -> float:
    return float(tensor.double().square().mean().sqrt())
