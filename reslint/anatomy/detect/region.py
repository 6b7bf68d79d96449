"""Two tensors in, what lies between them out: the ops on all ways from a fork to a merge, and what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.traits import DOWN, GAINS, LAYER, NORM, REDUCES, UP, WORK


class Region(NamedTuple):
    """The nodes on all ways from `fork` to `end`, fork excluded, in topological order.

    Regions that were known before are stepped over: `inner` are their merges, which stand for all that is inside. `sources`
    are the nodes that flow in from elsewhere. `ops` counts and `traits` tells what all ops do, those inside included; `level`
    says that there is a way that never changes the resolution, `weighted` is the largest number of learned layers on a way,
    `bare` says that a way leads through no normalization. There is a region for each merge and for most that are tried, and
    a frozen dataclass takes four times as long to make as a tuple.
    """

    fork: int
    end: int
    nodes: tuple[int, ...]
    inner: tuple[int, ...]
    entries: tuple[int, ...]
    sources: tuple[int, ...]
    ops: int
    traits: int
    level: bool
    weighted: int
    bare: bool

    def has(self, bits: int) -> bool:
        """Whether something in the region does all of this (reslint.anatomy.graph.traits)."""
        return self.traits & bits == bits


WAYS = 1000
"""Pairs of sides, and forks behind them, that are tried at a merge; the most in a published network is 40."""

_STEPS = 50_000
"""Edges that are walked for a merge; the most in a published network is 2,600."""

_ANY = 1 << 62
_EACH, _SMALL = 100, 200
"""Edges that are walked for all merges together, for each node, of which published networks take 12; and those that a merge
may walk in any case, so that what is plain is told in a net that holds tangles, too."""


class TooManyWays(Exception):
    """More ways lead to a merge than are looked at."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True)
class Atlas:
    """The regions found so far, by the node in which they end; what makes walks over long ways short.

    `residual` are the nodes of merges found to be residual connections, `dense` those of them that concatenate;
    `convolved` says of the parts of concatenations whether the last layer before them is a convolution. `left` edges may be
    walked in all, `steps` of `allowed` ones and `ways` at the merge that is looked at; so that the time grows as the net does.
    """

    flow: Dataflow
    regions: dict[int, Region] = field(default_factory=dict)
    residual: set[int] = field(default_factory=set)
    dense: set[int] = field(default_factory=set)
    convolved: dict[int, bool] = field(default_factory=dict)
    left: int = 0
    steps: int = _ANY
    allowed: int = _ANY
    ways: int = _ANY

    def __post_init__(self) -> None:
        self.left = _STEPS + _EACH * len(self.flow.preds)

    def begin(self) -> None:
        """Look at the next merge."""
        self.allowed = self.steps = max(_SMALL, min(_STEPS, self.left))
        self.ways = WAYS

    def record(self, merge: int, region: Region) -> None:
        """Remember the region that a merge closes, so that later walks step over it."""
        self.regions[merge] = region

    def between(self, fork: int, end: int) -> Region | None:
        """What lies between a fork and a later node; None where the fork does not reach it.

        Raises TooManyWays where that, or what was asked before it at the same merge, is more than is looked at.
        """
        self.ways -= 1
        if self.ways < 0:
            raise TooManyWays(WAYS)
        before, inner = self._ancestors(fork, end)
        inside = {fork}
        nodes: list[int] = []
        entries: list[int] = []
        sources: dict[int, None] = {}
        for node in sorted(before):
            given = before[node]
            if inside.isdisjoint(given):
                continue
            inside.add(node)
            nodes.append(node)
            if fork in given:
                entries.append(node)
            for source in given:
                if source not in inside:
                    sources[source] = None
        if not nodes:
            return None
        stepped = tuple([n for n in inner if n in inside])
        return self._described(fork, end, tuple(nodes), stepped, tuple(entries), tuple(sources))

    def _ancestors(self, fork: int, end: int) -> tuple[dict[int, tuple[int, ...]], list[int]]:
        """What `end` is made of, as far back as the fork, each with what it is made of; and the merges stepped over."""
        preds, regions = self.flow.preds, self.regions
        before: dict[int, tuple[int, ...]] = {}
        inner: list[int] = []
        todo = [end] if end > fork else []
        most = steps = self.steps
        while todo:
            node = todo.pop()
            if node in before:
                continue
            known = regions.get(node)
            if known is not None and known.fork >= fork:
                inner.append(node)
                given = (known.fork, *known.sources)
            else:
                given = preds[node]
            before[node] = given
            steps -= 1 + len(given)
            if steps < 0:
                self.left -= most
                raise TooManyWays(self.allowed)
            for p in given:
                if p > fork:
                    todo.append(p)
        self.left -= most - steps
        self.steps = steps
        return before, inner

    def _described(
        self,
        fork: int,
        end: int,
        nodes: tuple[int, ...],
        inner: tuple[int, ...],
        entries: tuple[int, ...],
        sources: tuple[int, ...],
    ) -> Region:
        known = [self.regions[n] for n in inner]
        bits, seen = self.flow.traits, self.flow.ops
        traits = 0
        for node in nodes:
            traits |= bits[node]
        if traits & REDUCES and traits & GAINS:
            traits |= WORK  # positions brought together under a learned gain: a global response normalization
        for region in known:
            traits |= region.traits
        return Region(
            fork=fork,
            end=end,
            nodes=nodes,
            inner=inner,
            entries=entries,
            sources=sources,
            ops=len({seen[n] for n in nodes}) + sum([r.ops for r in known]),
            traits=traits,
            level=not traits & (DOWN | UP) or self._is_level(fork, end, nodes),
            weighted=self._weighted(fork, end, nodes) if traits & LAYER else 0,
            bare=not traits & NORM or self._is_bare(fork, end, nodes),
        )

    def _is_level(self, fork: int, end: int, nodes: tuple[int, ...]) -> bool:
        """Whether a way from fork to end never changes the resolution."""
        flat = {fork}
        for node in nodes:
            known = self.regions.get(node)
            if known is not None and known.fork in flat and known.level:
                flat.add(node)
                continue
            if not self.flow.traits[node] & (DOWN | UP) and not flat.isdisjoint(self.flow.preds[node]):
                flat.add(node)
        return end in flat

    def _is_bare(self, fork: int, end: int, nodes: tuple[int, ...]) -> bool:
        """Whether a way from fork to end leads through no normalization."""
        free = {fork}
        for node in nodes:
            known = self.regions.get(node)
            if (
                known is not None
                and known.fork in free
                or self.flow.names[node] not in self.flow.norms
                and any(p in free for p in self.flow.preds[node])
            ):
                free.add(node)
        return end in free

    def _weighted(self, fork: int, end: int, nodes: tuple[int, ...]) -> int:
        """The largest number of learned layers on a way from fork to end."""
        traits, preds, regions = self.flow.traits, self.flow.preds, self.regions
        far = {fork: 0}
        for node in nodes:
            known = regions.get(node)
            if known is not None and known.fork in far:
                far[node] = far[known.fork] + known.weighted
            else:
                own = 1 if traits[node] & LAYER else 0
                far[node] = own + max([far[p] for p in preds[node] if p in far], default=0)
        return far[end]
