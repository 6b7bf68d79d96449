"""Anatomy in, its blocks in rows out, with the layers that no shortcut bypasses standing between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.describe.stacks import merged_tensors
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.values import Work, listed
from reslint.anatomy.views.fingerprint import essence, layers, layers_of
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Item:
    """A block, or the bare layers behind one; `layers` are its branch's or its own, `what` is equal for equal ones."""

    what: str
    layers: Work
    block: Block | None = None
    ops: tuple[Op, ...] = ()


Row = tuple[Item, ...]


def rows(anatomy: Anatomy) -> tuple[Row, ...]:
    """All blocks, each with the bare layers behind it: a row for each stream, of which most models have one.

    Rows stand in the order of how many merges lie behind them, and not as the file has them: where streams run side by side,
    exporters agree on no order.
    """
    return tuple(row for flow in anatomy.flows for row in _of(anatomy, flow))


def _of(anatomy: Anatomy, flow: Dataflow) -> Iterator[Row]:
    blocks = [block for block in anatomy.blocks if block.net is flow.net]
    behind = _behind(flow, {name: at for at, block in enumerate(blocks) for name in merged_tensors(block)})
    bare = _bare(flow, blocks, behind)
    level = {at: behind[flow.index[block.merge.id]][0] for at, block in enumerate(blocks)}
    first = tuple(_stretch(flow, bare.get(None, ())))
    found = sorted(_streams(flow, blocks, behind), key=lambda row: (level[row[0]], essence(blocks[row[0]])))
    for row in found:
        items = (
            (Item(essence(b), layers(b.net, b.branch), b), *_stretch(flow, bare.get(at, ())))
            for at in row
            for b in (blocks[at],)
        )
        yield (*first, *(item for pair in items for item in pair))
        first = ()
    if first:
        yield first


def _streams(flow: Dataflow, blocks: Sequence[Block], behind: Sequence[tuple[int, int | None]]) -> Iterator[list[int]]:
    """The blocks by their numbers, in rows that go on for as long as one block only follows."""
    before: list[int | None] = []
    for block in blocks:
        preds = flow.preds[flow.index[block.merge.id]]
        before.append(max((behind[p] for p in preds), key=lambda f: f[0], default=(0, None))[1])
    followers = Counter(before)
    row_of: dict[int, list[int]] = {}
    for at, last in enumerate(before):
        row = row_of.get(last, []) if last is not None and followers[last] == 1 else []
        row_of[at] = row
        row.append(at)
    yield from {id(row): row for row in row_of.values()}.values()


def _behind(flow: Dataflow, merged: Mapping[str, int]) -> Sequence[tuple[int, int | None]]:
    """For each node how many merges lie behind it at most, and the last of those."""
    found: list[tuple[int, int | None]] = []
    for name, preds in zip(flow.names, flow.preds, strict=True):
        many, last = max((found[p] for p in preds), key=lambda f: f[0], default=(0, None))
        found.append((many + 1, merged[name]) if name in merged else (many, last))
    return found


def _bare(
    flow: Dataflow, blocks: Sequence[Block], behind: Sequence[tuple[int, int | None]]
) -> Mapping[int | None, Sequence[Op]]:
    """The ops in no block that hold layers, by the block behind which they stand."""
    inside = {op.id for block in blocks for op in (*block.branch, *block.shortcut, block.merge)}
    found: dict[int | None, list[Op]] = {}
    for op in flow.net.live:
        if op.id in flow.index and op.id not in inside and any(layers_of(flow.net, op)):
            found.setdefault(behind[flow.index[op.id]][1], []).append(op)
    return found


def _stretch(flow: Dataflow, ops: Sequence[Op]) -> Iterator[Item]:
    if ops:
        held: Work = Counter(layer for op in ops for layer in layers_of(flow.net, op))
        yield Item(f"bare: {listed(held)}", held, ops=tuple(ops))
