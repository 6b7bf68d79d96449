"""GradientFlow holds the gradient on its way back through a PyTorch module: by residual block, or by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block
from reslint.net import Op

VANISHED = 1e-3
"""Heuristic: less than this part of the last gradient counts as none; sound networks have 0.1 to 100 at initialization."""


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
class Layer:
    """A layer with weights of a network without shortcuts: the gradient at its output, and over its own weights."""

    op: Op
    reach: Reach


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
    model was called; `left` are the residual blocks that were not measured, each with the reason. `layers` are the layers
    with weights, from first to last, where fewer than two blocks were measured: a plain network has a gradient, too.
    """

    anatomy: Anatomy
    passages: tuple[Passage, ...]
    seeds: tuple[int, ...]
    fresh: bool = True
    batch_normalizations: int = 0
    fed: str = ""
    left: tuple[tuple[Block, str], ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the gradient is told by layers, as there are no two blocks to tell it by."""
        return bool(self.layers)

    @property
    def unit(self) -> str:
        """What the gradient is told by."""
        return "layer" if self.plain else "block"

    @property
    def places(self) -> tuple[tuple[Op, Reach], ...]:
        """Where the gradient is told, from first to last: the merges of the blocks, or the layers."""
        if self.plain:
            return tuple((layer.op, layer.reach) for layer in self.layers)
        return tuple((p.block.merge, p.kept) for p in self.passages)

    @property
    def lost(self) -> int | None:
        """How many blocks or layers before the last one the gradient first is lost, for every seed; None where it never is."""
        reaches = [reach.input for _, reach in self.places]
        for back, norms in enumerate(reversed(reaches)):
            if all(_ratio(norm, last) < VANISHED for norm, last in zip(norms, reaches[-1], strict=True)):
                return back
        return None

    @property
    def verdict(self) -> str:
        """`vanishing`, `exploding` or `healthy` where that holds for each seed, else undecided."""
        ratio = self.kept
        if not all(math.isfinite(norm) for _, reach in self.places for norm in reach.input):
            return "exploding"
        if ratio.most < VANISHED or ratio.least > 1 / VANISHED:
            return "vanishing" if ratio.most < VANISHED else "exploding"
        return "healthy" if ratio.least >= VANISHED and ratio.most <= 1 / VANISHED else "undecided"

    @property
    def kept(self) -> Spread:
        """The gradient at the first block's input, or the first layer's output, over that at the last one's."""
        return _over([reach.input for _, reach in self.places])

    @property
    def cut(self) -> Spread:
        """The same with all shortcuts cut."""
        return _over([p.cut.input for p in self.passages])

    @property
    def kept_parameters(self) -> Spread:
        """The gradient of the first block's or layer's parameters over that of the last one's."""
        return _over([reach.parameters for _, reach in self.places if any(reach.parameters)])

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
