"""A block or an op in, what it is out: structure alone, the same for every name, counter, exporter and opset."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from reslint.anatomy.anatomy import Anatomy
from reslint.anatomy.describe.signature import label
from reslint.anatomy.graph.norms import is_norm
from reslint.anatomy.graph.ops import CONVS, FUSED_ATTENTION, POOLING, PRODUCTS, is_gathering, is_learned, is_reduction
from reslint.anatomy.values import Block, Layer, Placement, Work, listed
from reslint.net import Net, Op, Shape

_UNSEEN = (Placement.NONE, Placement.FOLDED, Placement.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Home:
    """Where in the residual skeleton an op lies: what its block is, and on which side."""

    block: str
    side: str


def essence(block: Block) -> str:
    """What a block is: kind, normalization, and the layers of both sides. Equal for siblings that do the same work."""
    parts = (
        str(block.kind),
        _normalization(block),
        label(block),
        listed(layers(block.net, block.branch)),
        listed(layers(block.net, block.shortcut)),
        str(len(block.inner)),
    )
    return " | ".join(parts)


def identities(blocks: Iterable[Block]) -> tuple[str, ...]:
    """What each block is, and which of those that are the same: an inserted block shifts no other one's identity.

    The neighbours are left out on purpose, since a block between two others would change what both of them are.
    """
    met: Counter[str] = Counter()
    found = []
    for block in blocks:
        same = essence(block)
        found.append(f"{same} #{met[same]}")
        met[same] += 1
    return tuple(found)


def homes(anatomy: Anatomy, wanted: Set[tuple[int, str]]) -> Mapping[tuple[int, str], Home]:
    """The homes of those `wanted` ops that lie in a block, by net and op. A merge belongs to the block that it ends."""
    found: dict[tuple[int, str], Home] = {}
    for block in anatomy.blocks:
        if (id(block.net), block.merge.id) in wanted:
            found[id(block.net), block.merge.id] = Home(essence(block), "merge")
    for block in anatomy.blocks:
        for side, ops in (("branch", block.branch), ("shortcut", block.shortcut)):
            for op in ops:
                key = (id(block.net), op.id)
                if key in wanted and key not in found:
                    found[key] = Home(essence(block), side)
    return found


def layers(net: Net, ops: Iterable[Op]) -> Work:
    """The layers that ops hold, in words that quantization, fusion and exporters have in common."""
    return Counter(layer for op in ops for layer in layers_of(net, op))


def layers_of(net: Net, op: Op) -> Iterator[Layer]:
    """What one op holds: usually one layer or none; a fused attention with packed weights holds three."""
    if is_norm(op):
        return
    if is_learned(net, op):
        yield from _learned(op, _weight(net, op))
    elif (
        is_gathering(op)
        or op.type in POOLING
        and not (is_reduction(op) or op.type.startswith(("Global", "QLinearGlobal")))
    ):
        yield Layer(op.type.removeprefix("QLinear"))


def _learned(op: Op, weight: Shape) -> Iterator[Layer]:
    if op.type in CONVS:
        kind = "ConvTranspose" if op.type == "ConvTranspose" else "Conv"
        strides = op.integers("strides") or ()
        yield Layer(kind, weight, strides[:1] if math.prod(strides) > 1 else ())
    elif op.type in FUSED_ATTENTION:
        width, packed = (weight[0], weight[1]) if len(weight) == 2 else (0, 0)
        if isinstance(width, int) and width and packed == 3 * width:
            yield from (Layer("MatMul", (width, width)),) * 3
    elif op.type in PRODUCTS:
        yield Layer("MatMul", tuple(sorted(weight, key=str)))  # Gemm may hold its weight transposed
    else:
        yield Layer(op.type, weight)


def _weight(net: Net, op: Op) -> Shape:
    """The extents of an op's weight, as they were before packing into few bits."""
    if op.type in ("MatMulNBits", "MatMulBnb4"):
        return op.integer("K", 0), op.integer("N", 0)
    shapes = (net.shape(i) for i in op.fixed)
    return next((s for s in shapes if s and len(s) > 1), ())


def _normalization(block: Block) -> str:
    """Where the normalization sits; a BatchNormalization is as good as folded, since optimizers do that."""
    norms = {op.type for op in block.branch if is_norm(op)}
    return "" if block.normalization in _UNSEEN or norms == {"BatchNormalization"} else str(block.normalization)
