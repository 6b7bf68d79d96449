"""Blocks in, the stacks they form out: rows of blocks on one stream, their period and the odd ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy.flow import Flow
from reslint.anatomy.path import LONGEST, Effect, step_back
from reslint.anatomy.signature import extent
from reslint.anatomy.values import Block, Kind, Placement
from reslint.anatomy.whole import Stack


def stacked(flow: Flow, blocks: Sequence[Block], first: int) -> tuple[tuple[Block, ...], tuple[Stack, ...]]:
    """The blocks, each with the number of its stack counted from `first`, and the stacks."""
    rows = tuple(_with_own_tail(row) for row in _rows(flow, blocks))
    number = {block.merge.id: first + at for at, row in enumerate(rows) for block in row}
    known = {block.merge.id: block._replace(stack=number[block.merge.id]) for row in rows for block in row}
    stacks = tuple(Stack(tuple(known[block.merge.id] for block in row)) for row in rows)
    return tuple(known[block.merge.id] for block in blocks), stacks


def _with_own_tail(row: list[Block]) -> list[Block]:
    """A row in which what stands behind the last merge is the head's: a norm there makes no post-norm block among others."""
    if len(row) < 2 or row[-1].normalization is not Placement.POST or row[-2].normalization is Placement.POST:
        return row
    return [*row[:-1], row[-1]._replace(normalization=Placement.NONE)]


def _rows(flow: Flow, blocks: Sequence[Block]) -> Iterator[list[Block]]:
    merged = {name: block for block in blocks for name in merged_tensors(block)}
    row_of: dict[str, list[Block]] = {}
    rows: list[list[Block]] = []
    for block in blocks:
        before = previous(flow, block, merged)
        row = row_of.get(before.merge.id) if before is not None else None
        if row is None or before is None or row[-1] is not before or not _alike(before, block):
            row = []
            rows.append(row)
        row.append(block)
        row_of[block.merge.id] = row
    yield from rows


def merged_tensors(block: Block) -> tuple[str, ...]:
    """The tensors that carry a block's merged stream; a fused add-and-normalize has two."""
    return tuple(o for o in block.merge.outputs if o)


def previous(flow: Flow, block: Block, merged: dict[str, Block]) -> Block | None:
    """The block whose merged stream a block forks from, with nothing learned between."""
    node = flow.index[block.fork]
    if block.kind is Kind.DENSE:  # a DenseNet joins all that came before anew: the last join feeds the branch
        earlier = (merged[op.id] for op in reversed(block.branch) if op.id in merged and op is not block.merge)
        found = next((b for b in earlier if b.kind is Kind.DENSE), None)
        if found is not None:
            return found
    for _ in range(LONGEST):
        found = merged.get(flow.names[node])
        if found is not None and found is not block:
            return found
        step = step_back(flow, node)
        if step is None or step.effect is Effect.LEARNED:
            return None
        node = step.before
    return None


def _alike(before: Block, block: Block) -> bool:
    """Whether two blocks in a row give streams of one size; dense ones grow by their nature."""
    if Kind.DENSE in (before.kind, block.kind):
        return before.kind is block.kind
    first, second = extent(before.net, before.merge.id), extent(block.net, block.merge.id)
    return first is None or second is None or first == second
