"""Anatomy in, its blocks in a row out, with the layers that no shortcut bypasses standing between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block, Stack
from reslint.anatomy.flow import Flow
from reslint.anatomy.identity import essence, layers, layers_of, listed
from reslint.anatomy.signature import Work
from reslint.anatomy.stacks import merged_tensors
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Item:
    """A block, or the bare layers behind one; `layers` are its branch's or its own, `what` is equal for equal ones."""

    what: str
    layers: Work
    block: Block | None = None
    ops: tuple[Op, ...] = ()


def row(anatomy: Anatomy) -> tuple[Item, ...]:
    """All blocks stack by stack, each with the bare layers behind it.

    Stacks stand in the order of how many merges lie behind them, and not as the file has them: where streams run side by
    side, exporters agree on no order.
    """
    return tuple(item for flow in anatomy.flows for item in _of(anatomy, flow))


def _of(anatomy: Anatomy, flow: Flow) -> Iterator[Item]:
    stacks = [stack for stack in anatomy.stacks if stack.blocks[0].net is flow.net]
    blocks = [block for stack in stacks for block in stack.blocks]
    behind = _behind(flow, {name: at for at, block in enumerate(blocks) for name in merged_tensors(block)})
    bare = _bare(flow, blocks, behind)
    rank = {block.merge.id: behind[flow.index[block.merge.id]][0] for block in blocks}
    number = {block.merge.id: at for at, block in enumerate(blocks)}
    yield from _stretch(flow, bare.get(None, ()))
    for stack in sorted(stacks, key=lambda s: _place(s, rank)):
        for block in stack.blocks:
            yield Item(essence(block), layers(block.net, block.branch), block)
            yield from _stretch(flow, bare.get(number[block.merge.id], ()))


def _place(stack: Stack, rank: Mapping[str, int]) -> tuple[int, str]:
    first = stack.blocks[0]
    return rank[first.merge.id], essence(first)


def _behind(flow: Flow, merged: Mapping[str, int]) -> Sequence[tuple[int, int | None]]:
    """For each node how many merges lie behind it at most, and the last of those."""
    found: list[tuple[int, int | None]] = []
    for name, preds in zip(flow.names, flow.preds, strict=True):
        many, last = max((found[p] for p in preds), key=lambda f: f[0], default=(0, None))
        found.append((many + 1, merged[name]) if name in merged else (many, last))
    return found


def _bare(
    flow: Flow, blocks: Sequence[Block], behind: Sequence[tuple[int, int | None]]
) -> Mapping[int | None, Sequence[Op]]:
    """The ops in no block that hold layers, by the block behind which they stand."""
    inside = {op.id for block in blocks for op in (*block.branch, *block.shortcut, block.merge)}
    found: dict[int | None, list[Op]] = {}
    for op in flow.net.live:
        if op.id in flow.index and op.id not in inside and any(layers_of(flow.net, op)):
            found.setdefault(behind[flow.index[op.id]][1], []).append(op)
    return found


def _stretch(flow: Flow, ops: Sequence[Op]) -> Iterator[Item]:
    if ops:
        held: Work = Counter(layer for op in ops for layer in layers_of(flow.net, op))
        yield Item(f"bare: {listed(held)}", held, ops=tuple(ops))
