"""`learning` tries at which rates a module learns in a few steps, with its shortcuts and with all of them cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.fx import GraphModule

from reslint.export.start import Over, Prepared, Start
from reslint.export.trainable import trainable
from reslint.measure import CONVERGED, Course, LearningRate, Rates

STEPS = 50
_HALF_WAY = 25  # steps after which a run that has learned next to nothing ends
_PROMISING = 0.75  # of the first loss, or less
_GONE = 100.0  # times the first loss
_FEW = 2  # seeds that have every second rate tried before anything else is

RATES: Mapping[str, tuple[float, ...]] = {
    "sgd": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0),
    "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
}
"""Three orders of magnitude for each optimizer, as Wortsman et al. 2023 (arXiv:2309.14322) look at."""


class _Ran(NamedTuple):
    """A short run, and of what."""

    cut: bool
    optimizer: str
    course: Course


def learning(made: Prepared, over: Over) -> LearningRate | None:
    """Short runs on one batch: as many rounds as there is time for, None where there is not even for one.

    A round is a seed with every second rate. What is between is tried where there is time left, and then more seeds are.
    """
    nets = {False: trainable(made.program, made.cuts, cut=False)}
    if made.cuts:
        nets[True] = trainable(made.program, made.cuts, cut=True)
    found: list[_Ran] = []
    for starts, every in _rounds(made.starts):
        wanted = [
            (cut, name, rate, start) for start in starts for cut in nets for name in RATES for rate in every(name)
        ]
        ran = tuple(_round(made.program, nets, wanted, over))
        if len(ran) < len(wanted):
            break  # a round counts whole or not at all: all that is compared was tried alike
        found += ran
    if not found:
        return None
    kept, without = _rates(found, cut=False), _rates(found, cut=True)
    return LearningRate(made.anatomy, kept, without, STEPS, made.loss, _left_out(made.seeds, kept[0]))


def _left_out(seeds: Sequence[int], ran: Rates) -> str:
    """What there was no time for."""
    missing = [str(seed) for seed in seeds if seed not in ran.seeds]
    rates = len(RATES[ran.optimizer]) - len(ran.tried)
    told = [*([f"every second rate ({rates})"] if rates else []), *([f"seeds {', '.join(missing)}"] if missing else [])]
    return " and ".join(told)


def _rounds(starts: Sequence[Start]) -> Iterator[tuple[Sequence[Start], Callable[[str], tuple[float, ...]]]]:
    first, more = starts[:_FEW], starts[_FEW:]
    yield from (((start,), lambda name: RATES[name][::2]) for start in first)
    yield first, lambda name: RATES[name][1::2]
    yield from (((start,), lambda name: RATES[name]) for start in more)


def _round(
    program: GraphModule,
    nets: Mapping[bool, GraphModule],
    wanted: Iterable[tuple[bool, str, float, Start]],
    over: Over,
) -> Iterator[_Ran]:
    """The short runs of a round, as long as there is time."""
    for cut, optimizer, rate, start in wanted:
        ran = course(program, nets[cut], start, optimizer, rate, over)
        if ran is None:
            return
        yield _Ran(cut, optimizer, ran)


def _rates(found: Sequence[_Ran], *, cut: bool) -> tuple[Rates, ...]:
    by = {name: tuple(ran.course for ran in found if ran.cut is cut and ran.optimizer == name) for name in RATES}
    return tuple(Rates(name, courses) for name, courses in by.items() if courses)


def course(
    program: GraphModule, net: GraphModule, start: Start, optimizer: str, rate: float, over: Over
) -> Course | None:
    """One short run, None where time is over first.

    It ends early where it has converged, has left for good, or has learned nothing half way.
    """
    start.give(program)
    task = start.task(net(*start.leaves))
    stepping = _optimizer(optimizer, [p for p in program.parameters() if p.requires_grad], rate)
    losses: list[float] = []
    reference = math.inf
    for _ in range(STEPS + 1):
        if over():
            return None
        loss = task.loss(net(*start.leaves))
        losses.append(float(loss.detach()))
        reference = min(losses[0], task.chance or math.inf)
        if _ended(losses, reference):
            break
        stepping.zero_grad()
        torch.autograd.backward((loss,))
        stepping.step()
    return Course(rate, start.seed, tuple(losses), reference)


def _optimizer(name: str, parameters: Sequence[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=0.9)
    return torch.optim.Adam(parameters, rate)


def _ended(losses: Sequence[float], reference: float) -> bool:
    last = losses[-1]
    if not math.isfinite(last) or last > _GONE * max(losses[0], reference) or last <= CONVERGED * reference:
        return True
    return len(losses) > _HALF_WAY and min(losses) > _PROMISING * reference
