"""The gradient on its way back through the residual blocks of a PyTorch module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block


@dataclass(frozen=True, slots=True)
class Reach:
    """The norms of the gradient at one residual block, one for each seed: at its input, and over its own parameters."""

    input: tuple[float, ...]
    parameters: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A residual block as the gradient passes it: with all shortcuts, with all of them cut, and what came by its own one.

    `carried` is the norm of that part of the gradient at the block's input that its shortcut brought, as a share of the whole.
    """

    block: Block
    kept: Reach
    cut: Reach
    carried: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over all seeds: its geometric mean, the smallest and the largest."""

    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """The gradient at the input and the parameters of each residual block, from first to last.

    It is that of a random projection of the outputs, whose own gradient has norm 1. `fresh` says whether the parameters
    differ from seed to seed, `batch_normalizations` how many were run with the batch's statistics, `fed` with what the
    model was called; `left` are the residual blocks that were not measured, each with the reason.
    """

    anatomy: Anatomy
    passages: tuple[Passage, ...]
    seeds: tuple[int, ...]
    fresh: bool = True
    batch_normalizations: int = 0
    fed: str = ""
    left: tuple[tuple[Block, str], ...] = ()

    @property
    def kept(self) -> Spread:
        """The gradient at the first block's input over that at the last one's."""
        return _over([p.kept.input for p in self.passages])

    @property
    def cut(self) -> Spread:
        """The same with all shortcuts cut."""
        return _over([p.cut.input for p in self.passages])

    @property
    def kept_parameters(self) -> Spread:
        """The gradient of the first block's parameters over that of the last one's."""
        return _over([p.kept.parameters for p in self.passages if any(p.kept.parameters)])

    @property
    def cut_parameters(self) -> Spread:
        """The same with all shortcuts cut; of the same two blocks."""
        return _over([p.cut.parameters for p in self.passages if any(p.kept.parameters)])


def _over(norms: Sequence[tuple[float, ...]]) -> Spread:
    """The first over the last, seed by seed."""
    if not norms:
        return Spread(math.nan, math.nan, math.nan)
    ratios = [_ratio(first, last) for first, last in zip(norms[0], norms[-1], strict=True)]
    return Spread(geometric(ratios), min(ratios), max(ratios))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.inf if part else math.nan


def geometric(numbers: Sequence[float]) -> float:
    """The geometric mean; zero or not finite where one of them is."""
    if not all(map(math.isfinite, numbers)) or not numbers:
        return math.nan if not numbers or any(map(math.isnan, numbers)) else math.inf
    return math.exp(sum(map(math.log, numbers)) / len(numbers)) if min(numbers) > 0 else 0.0
