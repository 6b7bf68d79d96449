"""Blocks in, the stacks they form out: rows of blocks on one stream, their period and the odd ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reslint.anatomy.anatomy import Stack
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.steps import Effect
from reslint.anatomy.values import Block, Kind, Placement


def stacked(flow: Dataflow, blocks: Sequence[Block], first: int) -> tuple[tuple[Block, ...], tuple[Stack, ...]]:
    """The blocks, each with the number of its stack counted from `first`, and the stacks."""
    known = list(blocks)
    stacks = []
    for number, row in enumerate(_rows(flow, blocks), first):
        for at, block in zip(row, _with_own_tail([blocks[at] for at in row]), strict=True):
            known[at] = block._replace(stack=number)
        stacks.append(Stack(tuple([known[at] for at in row])))
    return tuple(known), tuple(stacks)


def _with_own_tail(row: list[Block]) -> list[Block]:
    """A row in which what stands behind the last merge is the head's: a norm there makes no post-norm block among others."""
    if len(row) < 2 or row[-1].normalization is not Placement.POST or row[-2].normalization is Placement.POST:
        return row
    return [*row[:-1], row[-1]._replace(normalization=Placement.NONE)]


def _rows(flow: Dataflow, blocks: Sequence[Block]) -> Sequence[Sequence[int]]:
    """The places of the blocks of each row."""
    merged = {name: at for at, block in enumerate(blocks) for name in merged_tensors(block)}
    row_of: list[list[int]] = []
    rows: list[list[int]] = []
    for at, block in enumerate(blocks):
        before = _previous(flow, blocks, at, merged)
        row = [] if before is None else row_of[before]
        if before is None or row[-1] != before or not _alike(blocks[before], block):
            row = []
            rows.append(row)
        row.append(at)
        row_of.append(row)
    return rows


def merged_tensors(block: Block) -> tuple[str, ...]:
    """The tensors that carry a block's merged stream; a fused add-and-normalize has two."""
    return tuple([o for op in (block.merge, *block.further) for o in op.outputs if o])


def _previous(flow: Dataflow, blocks: Sequence[Block], at: int, merged: Mapping[str, int]) -> int | None:
    """The place of the block whose merged stream a block forks from, with nothing learned between."""
    block = blocks[at]
    if block.kind is Kind.DENSE:  # a DenseNet joins all that came before anew: the last join feeds the branch
        earlier = (merged[op.id] for op in reversed(block.branch) if op.id in merged and op is not block.merge)
        found = next((place for place in earlier if blocks[place].kind is Kind.DENSE), None)
        if found is not None:
            return found
    name = block.fork
    for _ in range(windows.STREAM):
        found = merged.get(name)
        if found is not None and found != at:
            return found
        step = flow.step_back(flow.index[name])
        if step is None or step.effect is Effect.LEARNED and not flow.is_mixture(flow.index[name]):
            return None
        name = flow.names[step.before]
    return None


def _alike(before: Block, block: Block) -> bool:
    """Whether two blocks in a row give streams of one size; dense ones grow by their nature."""
    if Kind.DENSE in (before.kind, block.kind):
        return before.kind is block.kind
    return before.size is None or block.size is None or before.size == block.size
