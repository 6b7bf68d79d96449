"""Anatomy in, the whole model's skeleton as one line out: what expectations and comparisons stand on."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy.anatomy import Anatomy, Stack
from reslint.anatomy.describe.signature import label
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.ops import SKIP_NORMS, is_layer
from reslint.anatomy.values import Block, Kind, Placement


def skeleton(anatomy: Anatomy) -> str:
    """The whole model's skeleton as one line: `24 x [pre attn, pre mlp], final-norm`."""
    parts = [text for stack in anatomy.stacks for text in _stack_text(stack)]
    return ", ".join((*parts, *(("final-norm",) if has_final_norm(anatomy) else ())))


def _stack_text(stack: Stack) -> Iterator[str]:
    words = [word(block) for block in stack.blocks]
    at = 0
    while at < len(words):
        size = next((p for p in (stack.period, *range(1, 5)) if words[at : at + p] == words[at + p : at + 2 * p]), 1)
        times = 1
        while words[at : at + size] == words[at + times * size : at + (times + 1) * size]:
            times += 1
        unit = ", ".join(words[at : at + size])
        yield f"{times} x [{unit}]" if times > 1 or size > 1 else f"[{unit}]"
        at += times * size


def word(block: Block) -> str:
    """A block in a signature: `pre attn`, `projection conv 1x1 3x3 1x1`."""
    where = (
        ""
        if block.normalization in (Placement.NONE, Placement.FOLDED, Placement.UNKNOWN)
        else f"{block.normalization} "
    )
    kind = "" if block.kind is Kind.IDENTITY else f"{block.kind} "
    return f"{kind}{where}{label(block)}"


def has_final_norm(anatomy: Anatomy) -> bool:
    """Whether the stream of the last block is normalized behind its merge, before anything is learned."""
    if not anatomy.blocks:
        return False
    last = anatomy.blocks[-1]
    normed = next(flow.normed for flow in anatomy.flows if flow.net is last.net)
    todo, seen = [o for o in last.end.outputs if o], 0
    while todo and seen < windows.FINAL_NORM:
        name = todo.pop()
        if name in normed or last.merge.type in SKIP_NORMS:
            return True
        for op in last.net.consumers.get(name, ()):
            seen += 1
            if len(op.data) == 1 and not is_layer(last.net, op):
                todo.extend(op.outputs)
    return False
