"""What a block is made of: structure alone, never a name or a counter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache

from reslint.anatomy.graph import windows
from reslint.anatomy.graph.norms import is_norm
from reslint.anatomy.graph.ops import (
    CONVS,
    FUSED_ATTENTION,
    POOLING,
    RECURRENT,
    SUMS,
    is_gathering,
    is_interaction,
    is_learned,
    is_reduction,
    kernel,
    strides,
)
from reslint.anatomy.values import Block, Content, Layer, Signature, Size
from reslint.net import Net, Op, Shape


def signature(block: Block) -> Signature:
    """What a block is made of: what an exporter does to shapes and constants leaves no trace in it."""
    branch, shortcut = (_content(block.net, ops) for ops in (block.branch, block.shortcut))
    return Signature(block.kind, block.normalization, branch, shortcut, len(block.inner))


def _content(net: Net, ops: Iterable[Op]) -> Content:
    return _counted(tuple([layer for op in ops if (layer := described(net, op)) is not None]))


@lru_cache  # a net has few kinds of branches
def _counted(layers: tuple[Layer, ...]) -> Content:
    return frozenset(Counter(layers).items())


def described(net: Net, op: Op) -> Layer | None:
    """One op in a signature; None for layout and arithmetic."""
    if is_learned(net, op) or is_interaction(net, op):
        weights = (net.shape(i) for i in op.fixed)
        return Layer(_plain(op), next((s for s in weights if s and len(s) > 1), ()), _strides(op))
    if is_norm(op) or op.type in POOLING and not is_reduction(op) or is_gathering(op):
        return Layer(op.type)
    return None


def _strides(op: Op) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(strides(op))) if op.type in CONVS else ()
    return () if found == (1,) else found


def work(net: Net, ops: Iterable[Op]) -> Content:
    """What a branch does, without normalizations: what makes blocks siblings."""
    return _content(net, (op for op in ops if not is_norm(op)))


def extent(net: Net, name: str) -> Size | None:
    """How large a tensor is, None where its rank is unknown."""
    shape = net.shape(name)
    return None if shape is None else _extent(shape)


@lru_cache  # the tensors of a net share a few shapes
def _extent(shape: Shape) -> Size:
    known = math.prod(d for d in shape if isinstance(d, int))
    return known, tuple(sorted(str(d) for d in shape if not isinstance(d, int)))


def shapeless(layers: Iterable[tuple[Layer, int]]) -> Content:
    """Layers without channels and strides: the same block in another stage."""
    counted: Counter[Layer] = Counter()
    for layer, n in layers:
        counted[Layer(layer.kind, (layer.shape or ())[2:])] += n
    return frozenset(counted.items())


def _plain(op: Op) -> str:
    """MatMul and Gemm are the same layer, as exporters go."""
    return "MatMul" if op.type in ("Gemm", "FusedMatMul") else op.type


def label(block: Block) -> str:
    """A block's branch in one or two words: `attn`, `mlp`, `conv 1x1 3x3 1x1`, `rnn`, `pool`; `attn+mlp` side by side."""
    if any(op.type in FUSED_ATTENTION or is_interaction(block.net, op) for op in block.branch):
        parallel = {_label(block.net, ops, bool(block.inner)) for ops in _terms(block)}
        if parallel == {"attn", "mlp"}:
            return "attn+mlp"
    return _label(block.net, block.branch, bool(block.inner))


def _terms(block: Block) -> Iterator[Sequence[Op]]:
    """The ops of the branches that a block adds to its stream side by side."""
    inside = {o: op for op in block.branch for o in op.outputs}
    todo = [block.sides[1], *(i for op in block.further for i in op.inputs if i in inside)]
    while todo:
        op = inside.get(todo.pop())
        if op is None:
            continue
        if op.type in SUMS and len(op.data) == len(op.inputs) == 2:
            todo.extend(op.inputs)
            continue
        found: dict[str, Op] = {}
        behind = [op]
        while behind:
            op = behind.pop()
            if op.id not in found:
                found[op.id] = op
                behind.extend(inside[i] for i in op.inputs if i in inside)
        yield tuple(found.values())


def _label(net: Net, ops: Sequence[Op], holds: bool) -> str:
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
    return "blocks" if holds else "mix"


def kernels(net: Net, op: Op) -> Iterator[str]:
    """The kernel of a convolution as `3x3`, from its attribute or its weight."""
    if shape := kernel(net, op):
        yield "x".join(str(k) for k in shape)


def period_of(signs: Sequence[Hashable]) -> int:
    """The smallest step after which signatures repeat, but for a few; the whole length where they don't.

    The first block of a stage, which fits shapes, may differ from all others and is not counted among the few.
    """
    total = len(signs)
    forgiven = 0 if total < 3 else max(1, total // 6)
    for period in range(1, min(total // 2, windows.PERIOD) + 1):
        agree = sum(Counter(signs[k::period]).most_common(1)[0][1] for k in range(period))
        lonely = total > 3 and signs.count(signs[0]) == 1
        if total - agree <= forgiven + lonely:
            return period
    return max(total, 1)
