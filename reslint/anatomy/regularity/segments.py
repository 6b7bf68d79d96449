"""Segments: a net cut at its residual merges, so that each piece is all that one block does to the stream.

A segment ends in a merge and reaches back to the merges before it, whatever detection thinks of the ways between: the
branch, the shortcut, what is done to the sum before the block reads it, and what it computes from other inputs of the net.
An op that several segments reach belongs to the first of them; the others read it as they read a stream. What does not
depend on the stream and is read by several (a mask, a table of positions) belongs to none of them. Linear in the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reslint.net import Net, Op

SHARED = -1
"""The owner of ops that several segments read and that no stream flows into."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A net cut at `ends`, the merges of its segments in topological order.

    `starts` are the ops that make a stream in the first place, `inputs` the inputs of the net that are one.
    `at` is the number of a merge's segment, `owner` the number
    of the segment that an op belongs to, both by the op's first output. `before` is the segment on whose stream a segment
    goes on, None for the first of a row.
    """

    net: Net
    ends: tuple[Op, ...]
    starts: Mapping[str, int]
    inputs: frozenset[str]
    at: Mapping[str, int]
    owner: Mapping[str, int]
    before: tuple[int | None, ...]
    depth: tuple[int, ...]

    def is_boundary(self, op: Op) -> bool:
        """Whether a segment that reads this op ends there."""
        return op.id in self.at or op.id in self.starts


@dataclass(slots=True)
class _Owners:
    producers: Producers
    at: Mapping[str, int]
    starts: Mapping[str, int]
    owner: dict[str, int] = field(default_factory=dict)
    flows: dict[str, bool] = field(default_factory=dict)
    read: list[set[int]] = field(default_factory=list)

    def claim(self, number: int, end: Op) -> None:
        """Give a segment all ops behind its merge that no earlier one has."""
        found: set[int] = set()
        self.owner[end.id] = number
        todo = [*self.producers[end.id]]
        while todo:
            op = todo.pop()
            if op.id in self.starts:
                found.add(-1)
            elif op.id in self.at:
                found.add(self.at[op.id])
            elif op.id not in self.owner:
                self.owner[op.id] = number
                todo += self.producers[op.id]
            elif (earlier := self.owner[op.id]) not in (number, SHARED):
                if self.flows[op.id]:
                    found.add(earlier)
                else:
                    self.owner[op.id] = SHARED
        self.read.append(found)


Producers = Mapping[str, Sequence[Op]]
"""The ops that make the data that an op reads, by its first output."""


def cut(net: Net, merges: Iterable[Op], forks: Iterable[str], producers: Producers) -> Cut:
    """Cut a net at merges; `forks` are tensors at which a stream begins."""
    ends = tuple(sorted(dict.fromkeys(merges), key=lambda op: op.place))
    at = {op.id: number for number, op in enumerate(ends)}
    forks = tuple(forks)
    made = (net.producer.get(fork) for fork in forks)
    inputs = frozenset(fork for fork in forks if fork not in net.producer)
    starts = {op.id: -1 for op in made if op is not None and op.id not in at}
    owners = _Owners(producers, at, starts, flows=_flowing(producers, at, starts))
    for number, end in enumerate(ends):
        owners.claim(number, end)
    before = tuple(max((n for n in read if 0 <= n < number), default=None) for number, read in enumerate(owners.read))
    depth: list[int] = []
    for earlier in before:
        depth.append(0 if earlier is None else depth[earlier] + 1)
    return Cut(net, ends, starts, inputs, at, owners.owner, before, tuple(depth))


def _flowing(producers: Producers, at: Mapping[str, int], starts: Mapping[str, int]) -> dict[str, bool]:
    """Which ops a stream flows into, by first output."""
    found: dict[str, bool] = {}
    for name, made in producers.items():
        found[name] = any(found.get(op.id, False) or op.id in at or op.id in starts for op in made)
    return found


def producers_of(net: Net) -> Producers:
    """Those of all ops that compute something, in topological order."""
    producer, static = net.producer, net.static
    return {
        op.id: [made for name in op.data + op.captured if (made := producer.get(name)) and made.id not in static]
        for op in net.live
    }


def rows(cut: Cut) -> Iterator[tuple[int, ...]]:
    """The segments in rows: each goes on with the stream of the one before it, as the first to do so."""
    row_of: dict[int, list[int]] = {}
    found: list[list[int]] = []
    for number, before in enumerate(cut.before):
        row = row_of.get(before) if before is not None else None
        if row is None or row[-1] != before:
            row = []
            found.append(row)
        row.append(number)
        row_of[number] = row
    yield from map(tuple, found)
