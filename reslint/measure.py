"""What a run of a model measured: plain frozen values that `runtime` makes and rules judge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.values import Source
from reslint.net import Net, Op

SAVED = "the saved outputs"
"""What a model is compared with where that is no model."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a tensor held over all runs: its largest magnitude, the mean of its squares and its mean.

    `lost` is the share of its nonzero elements that half precision takes for zero, `shape` is that of the first run, and
    `steady` says whether all runs, on different inputs, gave the same; None where there was one.
    """

    peak: float
    square: float
    mean: float = 0.0
    lost: float = 0.0
    shape: tuple[int, ...] = ()
    steady: bool | None = None

    @property
    def finite(self) -> bool:
        """Whether there was neither NaN nor infinity."""
        return math.isfinite(self.peak) and math.isfinite(self.square)

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return math.sqrt(self.square) if self.square >= 0 else math.nan

    @property
    def variance(self) -> float:
        """The mean square around the mean."""
        return max(self.square - self.mean * self.mean, 0.0) if self.finite else math.nan


@dataclass(frozen=True, slots=True)
class Tap:
    """A residual block as it ran: its shortcut, its branch, and what its merge made of them.

    `cosine` is that between what goes into the block and what comes out, None where the two have not the same shape.
    """

    block: Block
    shortcut: Range
    branch: Range
    merged: Range
    cosine: float | None = None

    @property
    def ratio(self) -> float:
        """How much the branch adds to its stream."""
        return self.branch.rms / self.shortcut.rms if self.shortcut.rms else math.inf


@dataclass(frozen=True, slots=True)
class Squared:
    """What a decomposed normalization squares, as it ran."""

    net: Net
    op: Op
    range: Range


@dataclass(frozen=True, slots=True)
class Exit:
    """An output of the model as it ran, and the op that makes it."""

    name: str
    op: Op
    range: Range


@dataclass(frozen=True, slots=True)
class Nonfinite:
    """The op that makes the first NaN or infinity out of finite inputs, and the constant that held it already, if one did."""

    net: Net
    op: Op
    what: str
    constant: str
    reaches: str


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The first op that overflowed where each was rounded to a type, what it gave before, and whether outputs suffer."""

    net: Net
    op: Op
    peak: float
    type: str
    harms: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """The stream of a model at each residual merge that can be tapped, and its outputs.

    `half` says that it is to be held to half precision's range, `made_up` that weights were missing and are no one's.
    """

    anatomy: Anatomy
    taps: tuple[Tap, ...]
    squares: tuple[Squared, ...] = ()
    nonfinite: Nonfinite | None = None
    half: bool = False
    made_up: bool = False
    exits: tuple[Exit, ...] = ()
    overflow: Overflowed | None = None

    @property
    def untapped(self) -> int:
        """The blocks that could not be tapped: those in bodies, concatenations, and sums inside ops that do more."""
        return len(self.anatomy.blocks) - len(self.taps)


@dataclass(frozen=True, slots=True)
class Beyond:
    """Bounds on each element, absolute and relative to its reference, and how many of all are beyond them."""

    rtol: float
    atol: float
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one output is from what it should be: over all, and at its worst element.

    `relative` is the largest difference over the largest reference value, None where the reference is all zeros.
    `beyond` is there where each element was held to bounds of its own. An absolute difference up to `rounding` is none.
    `strings` counts those that differ, None where an output holds numbers.
    """

    output: str
    absolute: float
    relative: float | None
    tolerance: float
    worst: tuple[int, ...]
    got: float
    wanted: float
    cosine: float | None
    snr: float | None
    beyond: Beyond | None = None
    rounding: float = 0.0
    strings: int | None = None

    @property
    def reshaped(self) -> bool:
        """Whether the two have different shapes, so that there is no element to compare."""
        return math.isinf(self.absolute) and math.isnan(self.got) and math.isnan(self.wanted)

    @property
    def agrees(self) -> bool:
        """Whether the difference stays within the tolerance; beside an all-zero reference it is absolute."""
        if self.beyond is not None:
            return not self.beyond.count
        if self.strings is not None:
            return not self.strings
        return (
            self.absolute <= self.rounding
            or (self.absolute if self.relative is None else self.relative) <= self.tolerance
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two runs that should give the same: `against` is what the model was compared with.

    `parts` is the first block whose stream differs, `before` the number of blocks whose streams agree and that come before
    it, or of all where it is None; both are None where that is not known.
    """

    anatomy: Anatomy
    against: str
    differences: tuple[Difference, ...]
    parts: Block | None = None
    before: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether all outputs do."""
        return all(d.agrees for d in self.differences)


def worst(measured: Iterable[Measurement]) -> Iterator[Measurement]:
    """What was measured; of what each output was compared with over several inputs only where it is farthest from it."""
    measured = tuple(measured)
    farthest: dict[tuple[type[Agreement], str, str], Difference] = {}
    for agreement in (one for one in measured if isinstance(one, Agreement)):
        for d in agreement.differences:
            key = type(agreement), agreement.against, d.output
            farthest[key] = max(farthest.get(key, d), d, key=_distance)
    for one in measured:
        if not isinstance(one, Agreement):
            yield one
            continue
        kept = tuple(d for d in one.differences if farthest[type(one), one.against, d.output] is d)
        if kept:
            yield replace(one, differences=kept)


def _distance(d: Difference) -> tuple[bool, float]:
    return not d.agrees, d.absolute if d.relative is None else d.relative


class Repeated(Agreement):
    """The same session on the same input, twice."""


class Optimized(Agreement):
    """With graph optimizations against without."""


class Referred(Agreement):
    """The model against a reference: saved outputs, or another model."""


class Narrowed(Referred):
    """In half precision, against float32."""


class Provided(Agreement):
    """On the provider that was asked for, against the CPU."""


@dataclass(frozen=True, slots=True)
class Felt:
    """How much a small random change of a block's stream moves the outputs; None where that is no number.

    `gain`: a change of one percent of the stream moves the outputs by so many percent. `gradient`: the norm of the outputs'
    derivative by the stream, over that of the last block. The same with all shortcuts cut; and how far the outputs go, over
    their own size, where this block's alone is cut.
    """

    block: Block
    gain: float | None
    gradient: float | None
    cut_gain: float | None = None
    cut_gradient: float | None = None
    alone: float | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the outputs felt of each stream, by finite differences; `untouched` blocks could not be reached."""

    anatomy: Anatomy
    felt: tuple[Felt, ...]
    directions: int
    seed: int
    ablated: bool = False
    untouched: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model's nodes ran: those that another provider took than the one asked for, with its name; `nodes` counts all."""

    anatomy: Anatomy
    provider: str
    elsewhere: tuple[tuple[Op, str], ...]
    nodes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much slower a model is than its reference, run in turns: the median ratio and its 95 percent interval.

    `most` is how much slower it may be.
    """

    against: str
    median: float
    low: float
    high: float
    most: float = math.inf

    @property
    def decision(self) -> str:
        """`slower` or `not slower` where the whole interval says so, else `undecided`."""
        return "slower" if self.low > self.most else "not slower" if self.high <= self.most else "undecided"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a model's time a block takes; `rest` says in words what it is where there is no block."""

    block: Block | None
    rest: str
    share: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a model took, in milliseconds. `intervals` hold each percentile at 95 percent, `shares` are of the time."""

    anatomy: Anatomy
    provider: str
    threads: int
    runs: int
    p50: float
    p90: float
    p95: float
    p99: float
    ratio: Ratio | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a PyTorch module with parameters that the graph does not read: its path, its class, and those parameters.

    `called`: it was, and what it gave was dropped. `source` is the line that calls it, or else the forward that does not.
    """

    module: str
    kind: str
    parameters: tuple[str, ...]
    elements: int
    called: bool
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a PyTorch module beside the graph that was exported from it."""

    anatomy: Anatomy
    unread: tuple[Unread, ...]


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


Measurement = Signal | Agreement | Sensitivity | Placement | Latency | GradientFlow
