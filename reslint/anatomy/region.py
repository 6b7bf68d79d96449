"""Two tensors in, what lies between them out: the ops on all ways from a fork to a merge, and what they do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reslint.anatomy.facts import Facts
from reslint.anatomy.flow import Flow


@dataclass(frozen=True, slots=True)
class Region:
    """The nodes on all ways from `fork` to `end`, fork excluded, in topological order.

    Regions that were known before are stepped over: `inner` are their merges, which stand for all that is inside. `sources`
    are the nodes that flow in from elsewhere. The flags hold for inner regions, too; `level` says that there is a way that
    never changes the resolution, `weighted` is the largest number of learned layers on a way, `normed` says that something is
    normalized, `bare` that a way leads through no normalization, `folded` that a normalization may have become a bias.
    """

    fork: int
    end: int
    nodes: tuple[int, ...]
    inner: tuple[int, ...]
    entries: tuple[int, ...]
    sources: tuple[int, ...]
    ops: int
    work: bool
    learned: bool
    nonlinear: bool
    mixing: bool
    down: bool
    up: bool
    level: bool
    weighted: int
    normed: bool
    bare: bool
    folded: bool


@dataclass(slots=True)
class Atlas:
    """The regions found so far, by the node in which they end; what makes walks over long ways short.

    `residual` are the nodes of merges found to be residual connections, `dense` those of them that concatenate.
    """

    flow: Flow
    regions: dict[int, Region] = field(default_factory=dict)
    residual: set[int] = field(default_factory=set)
    dense: set[int] = field(default_factory=set)

    def record(self, merge: int, region: Region) -> None:
        """Remember the region that a merge closes, so that later walks step over it."""
        self.regions[merge] = region

    def between(self, fork: int, end: int) -> Region | None:
        """What lies between a fork and a later node; None where the fork does not reach it."""
        before, inner = self._ancestors(fork, end)
        if not any(fork in given for given in before.values()):
            return None
        inside = {fork}
        nodes: list[int] = []
        for node in sorted(before):
            if not inside.isdisjoint(before[node]):
                inside.add(node)
                nodes.append(node)
        entries = tuple(n for n in nodes if fork in before[n])
        sources = tuple(dict.fromkeys(p for n in nodes for p in before[n] if p not in inside))
        stepped = tuple(n for n in inner if n in inside)
        return self._described(fork, end, tuple(nodes), stepped, entries, sources)

    def _ancestors(self, fork: int, end: int) -> tuple[dict[int, tuple[int, ...]], list[int]]:
        """What `end` is made of, as far back as the fork, each with what it is made of; and the merges stepped over."""
        before: dict[int, tuple[int, ...]] = {}
        inner: list[int] = []
        todo = [end] if end > fork else []
        while todo:
            node = todo.pop()
            if node in before:
                continue
            known = self.regions.get(node)
            if known is not None and known.fork >= fork:
                inner.append(node)
                before[node] = (known.fork, *known.sources)
            else:
                before[node] = self.flow.preds[node]
            todo.extend(p for p in before[node] if p > fork)
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
        facts = tuple(self.flow.facts[n] for n in nodes)
        return Region(
            fork=fork,
            end=end,
            nodes=nodes,
            inner=inner,
            entries=entries,
            sources=sources,
            ops=len({self.flow.op(n).id for n in nodes}) + sum(r.ops for r in known),
            work=any(r.work for r in known) or any(f.work for f in facts) or _responds(facts),
            learned=any(r.learned for r in known) or any(f.learned for f in facts),
            nonlinear=any(r.nonlinear for r in known) or any(f.nonlinear for f in facts),
            mixing=any(r.mixing for r in known) or any(f.mixing for f in facts),
            down=any(r.down for r in known) or any(f.down for f in facts),
            up=any(r.up for r in known) or any(f.up for f in facts),
            level=self._is_level(fork, end, nodes),
            weighted=self._weighted(fork, end, nodes),
            normed=any(r.normed for r in known) or any(self.flow.names[n] in self.flow.norms for n in nodes),
            bare=self._is_bare(fork, end, nodes),
            folded=any(r.folded for r in known) or any(f.folded for f in facts),
        )

    def _is_level(self, fork: int, end: int, nodes: tuple[int, ...]) -> bool:
        """Whether a way from fork to end never changes the resolution."""
        flat = {fork}
        for node in nodes:
            known = self.regions.get(node)
            if known is not None and known.fork in flat and known.level:
                flat.add(node)
                continue
            fact = self.flow.facts[node]
            if not fact.down and not fact.up and not flat.isdisjoint(self.flow.preds[node]):
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
        far = {fork: 0}
        for node in nodes:
            known = self.regions.get(node)
            if known is not None and known.fork in far:
                far[node] = far[known.fork] + known.weighted
            else:
                own = self.flow.facts[node].layer
                far[node] = own + max((far[p] for p in self.flow.preds[node] if p in far), default=0)
        return far[end]


def _responds(facts: Iterable[Facts]) -> bool:
    """Whether positions are brought together and weighted by a learned gain, as a global response normalization does."""
    return any(f.reduces for f in facts) and any(f.gains for f in facts)
