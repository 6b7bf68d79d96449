"""The odd blocks of an anatomy: its stacks cut into segments, described, compared, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from reslint.anatomy.anatomy import Anatomy
from reslint.anatomy.describe.signature import extent
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import ACTIVATIONS, NORMS
from reslint.anatomy.regularity.canonical import Describer, Slot
from reslint.anatomy.regularity.difference import Difference
from reslint.anatomy.regularity.odd_shapes import OddShape, odd_shapes
from reslint.anatomy.regularity.odd_slots import OddSlots, odd_slots
from reslint.anatomy.regularity.places import places
from reslint.anatomy.regularity.segments import Cut, cut, producers_of, rows
from reslint.anatomy.values import Block, Kind
from reslint.net import Net, Op

_FEWEST = 4  # merges of a net in which there may be a rule to break
_MOST = 2  # odd blocks of a net; where there are more, they are its design
_SUMS = frozenset({"Add", "Sub", "Sum"})


@dataclass(frozen=True, slots=True)
class OddBlock:
    """A block that differs from its siblings: its merge, theirs, and in what; `place` of `of` in its row.

    Either `slots` (the siblings' first, then its own) or `difference` says in what. `ops` are all that the block is made
    of, and the merge before it, by first output.
    """

    net: Net
    merge: Op
    siblings: tuple[Op, ...]
    place: int
    of: int
    slots: tuple[tuple[Slot, Slot], ...]
    difference: Difference | None
    ops: frozenset[str]


def odd_blocks(anatomy: Anatomy) -> Iterator[OddBlock]:
    """The blocks that differ from what their siblings agree on; none where more than a few do."""
    for flow in anatomy.flows:
        blocks = [b for b in anatomy.blocks if b.net is flow.net and b.kind is not Kind.DENSE]
        if len(blocks) < _FEWEST:
            continue
        found = list(islice(_odd(flow, blocks, anatomy), _MOST + 1))
        if len(found) <= _MOST:
            yield from found


def _odd(flow: Dataflow, blocks: Sequence[Block], anatomy: Anatomy) -> Iterator[OddBlock]:
    net = flow.net
    merges = [*(b.merge for b in blocks), *_lost(flow, blocks, anatomy)]
    parts = _cut(net, merges, {b.merge.id: b.fork for b in blocks})
    describer = Describer(parts)
    described = [describer.describe(n) for n in range(len(parts.ends))]
    lines = tuple(rows(parts))
    where = places(lines, [d.layers for d in described], [extent(net, op.id) for op in parts.ends])
    found: Iterator[OddShape | OddSlots] = chain(odd_shapes(describer, described, where), odd_slots(described, where))
    for odd in found:
        here = where[odd.number]
        own = {op.id for op in described[odd.number].shapes} | {parts.ends[n].id for n in _before(parts, odd.number)}
        yield OddBlock(
            net,
            parts.ends[odd.number],
            tuple(parts.ends[n] for n in odd.siblings),
            here.at + 1,
            here.of,
            odd.slots if isinstance(odd, OddSlots) else (),
            odd.difference if isinstance(odd, OddShape) else None,
            frozenset(own),
        )


def _before(parts: Cut, number: int) -> Iterator[int]:
    before = parts.before[number]
    if before is not None:
        yield before


def _cut(net: Net, merges: Sequence[Op], forks: dict[str, str]) -> Cut:
    """The net cut at its merges, and where the streams of its rows begin: at the fork of each first block."""
    producers = producers_of(net)
    whole = cut(net, merges, (), producers)
    firsts = (end.id for end, before in zip(whole.ends, whole.before, strict=True) if before is None)
    begin = [forks[name] for name in firsts if name in forks]
    if not any(fork in net.producer for fork in begin):  # all streams begin at inputs of the net, where nothing is cut
        return replace(whole, inputs=frozenset(begin))
    return cut(net, merges, begin, producers)


def _lost(flow: Dataflow, blocks: Sequence[Block], anatomy: Anatomy) -> Iterator[Op]:
    """Sums that bring the stream of a block together with something else of its size, and are no residual connection.

    A slip (a branch that reads an older stream) can make one of a merge; where it is none, it is so in all siblings.
    """
    net = flow.net
    streams = {b.merge.id: b.size for b in blocks}
    for merge in anatomy.merges:
        op = merge.op
        if merge.net is not net or op.type not in _SUMS or len(op.data) != 2 or op.id in streams:
            continue
        size = extent(net, op.id)
        fits = size is not None and all(extent(net, name) == size for name in op.data)
        if fits and any(_stream_of(flow, name) in streams for name in op.data):
            streams[op.id] = size
            yield op


def _stream_of(flow: Dataflow, name: str) -> str:
    """The tensor that a stream is before its normalization and activation."""
    for _ in range(2):
        run = flow.norms.get(name)
        op = flow.net.producer.get(name)
        if run is not None:
            name = run.source
        elif op is not None and (op.type in ACTIVATIONS or op.type in NORMS) and len(op.data) == 1:
            name = op.data[0]
    return name
