"""A block in, what it is made of as text out: structure alone, never a name or a counter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reslint.anatomy.norms import is_norm
from reslint.anatomy.ops import (
    ACTIVATIONS,
    CONVS,
    FUSED_ATTENTION,
    POOLING,
    RECURRENT,
    is_gathering,
    is_interaction,
    is_learned,
)
from reslint.anatomy.values import Anatomy, Block, Kind, Placement, Stack
from reslint.net import Net, Op


def signature(block: Block) -> str:
    """Kind, normalization, and the ops of branch and shortcut with the shapes of their weights, in no particular order."""
    inside = f"{len(block.inner)} inside" if block.inner else ""
    parts = (
        str(block.kind),
        str(block.normalization),
        content(block.net, block.branch),
        content(block.net, block.shortcut),
        inside,
    )
    return " | ".join(parts)


def content(net: Net, ops: Iterable[Op]) -> str:
    """The ops that matter, as a sorted list with counts: what an exporter does to shapes and constants leaves no trace."""
    counted = Counter(described(net, op) for op in ops)
    return ", ".join(f"{n} {what}" if n > 1 else what for what, n in sorted(counted.items()) if what)


def described(net: Net, op: Op) -> str:
    """One op in a signature; empty for layout and arithmetic."""
    if is_learned(net, op) or is_interaction(net, op):
        weights = [net.shape(i) for i in op.inputs if i and net.is_constant(i)]
        shape = next((s for s in weights if s and len(s) > 1), ())
        stride = "/".join(str(s) for s in dict.fromkeys(op.integers("strides") or ()))
        return f"{_plain(op)}{list(shape)}{'/' + stride if stride not in ('', '1') else ''}"
    if is_norm(op) or op.type in POOLING and not op.type.startswith("Reduce") or is_gathering(op):
        return op.type
    return ""


def _plain(op: Op) -> str:
    """MatMul and Gemm are the same layer, as exporters go."""
    return "MatMul" if op.type in ("Gemm", "FusedMatMul") else op.type


def label(block: Block) -> str:
    """A block's branch in one or two words: `attn`, `mlp`, `conv 1x1 3x3 1x1`, `rnn`, `pool`."""
    net, ops = block.net, block.branch
    if any(op.type in FUSED_ATTENTION or op.type == "Softmax" or is_interaction(net, op) for op in ops):
        return "attn"
    if any(op.type in RECURRENT for op in ops):
        return "rnn"
    convs = [kernel for op in ops if op.type in CONVS for kernel in kernels(net, op)]
    if convs:
        return "conv " + " ".join(convs)
    if any(is_learned(net, op) for op in ops):
        return "gather" if any(is_gathering(op) for op in ops) else "mlp"
    if any(op.type in POOLING for op in ops):
        return "pool"
    return "blocks" if block.inner else "mix"


def kernels(net: Net, op: Op) -> Iterator[str]:
    """The kernel of a convolution as `3x3`, from its attribute or its weight."""
    shape = op.integers("kernel_shape") or tuple(d for d in (net.shape(op.inputs[1]) or ())[2:] if isinstance(d, int))
    if shape:
        yield "x".join(str(k) for k in shape)


def skeleton(anatomy: Anatomy) -> str:
    """The whole model's skeleton as one line: `24 x [pre attn, pre mlp], final-norm`."""
    parts = [text for stack in anatomy.stacks for text in _stack_text(stack)]
    return ", ".join((*parts, *(("final-norm",) if has_final_norm(anatomy) else ())))


def _stack_text(stack: Stack) -> Iterator[str]:
    words = [_word(block) for block in stack.blocks]
    at = 0
    while at < len(words):
        size = next((p for p in (stack.period, *range(1, 5)) if words[at : at + p] == words[at + p : at + 2 * p]), 1)
        times = 1
        while words[at : at + size] == words[at + times * size : at + (times + 1) * size]:
            times += 1
        unit = ", ".join(words[at : at + size])
        yield f"{times} x [{unit}]" if times > 1 or size > 1 else f"[{unit}]"
        at += times * size


def _word(block: Block) -> str:
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
    todo, seen = [o for o in last.merge.outputs if o], 0
    while todo and seen < 16:
        name = todo.pop()
        for op in last.net.consumers.get(name, ()):
            seen += 1
            if is_norm(op):
                return True
            if (
                op.type in ACTIVATIONS
                or len([i for i in op.inputs if last.net.is_data(i)]) == 1
                and not is_learned(last.net, op)
            ):
                todo.extend(op.outputs)
    return False
