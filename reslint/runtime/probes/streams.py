"""An anatomy in, for each residual block the tensors that are its shortcut, its branch and its stream behind the merge out.

Fused and quantized merges do not hold all of them; the ops that make what is missing come along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from onnx import ModelProto, NodeProto, TensorProto, helper

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.graph.ops import SKIP_NORMS, fused_sum
from reslint.net import Net, Op

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
_SUMMED = {
    "SkipGroupNorm": (1, 4),
    "SkipSimplifiedLayerNormalization": (3, 3),
}  # the output with the sum, a bias' input
_SKIP_LAYER_NORM = 3, 4


@dataclass(frozen=True, slots=True)
class Stream:
    """A block's tensors by name, and the ops that make those which the model does not have."""

    block: Block
    shortcut: str
    branch: str
    merged: str
    nodes: tuple[NodeProto, ...] = ()

    @property
    def into(self) -> str:
        """What goes into the block: the tensor that feeds both sides."""
        return self.shortcut if self.block.fork == self.block.sides[0] else self.block.fork


def streams(anatomy: Anatomy) -> tuple[Stream, ...]:
    """The streams of all blocks that can be tapped: bodies can't give outputs of their own, a concatenation has no branch."""
    blocks = (b for b in anatomy.blocks if b.net is anatomy.net and b.kind is not Kind.DENSE)
    return tuple(stream for at, block in enumerate(blocks) if (stream := _stream(block, at)) is not None)


def exposed(model: ModelProto, found: Iterable[Stream]) -> ModelProto:
    """A copy of a model in which all tensors of the streams are there."""
    made = ModelProto()
    made.CopyFrom(model)
    made.graph.node.extend(node for stream in found for node in stream.nodes)
    return made


def is_float(net: Net, name: str, *, unless_known: bool = True) -> bool:
    """Whether a tensor holds floating-point numbers; `unless_known` is the answer where nothing tells its type."""
    kind = net.value(name).type
    return kind in _FLOATS if kind else unless_known


def _stream(block: Block, at: int) -> Stream | None:
    op = block.merge
    shortcut, branch = block.sides
    if op.type in SKIP_NORMS:
        return _of_skip_norm(block, at)
    if op.type == "QLinearAdd":
        return _of_quantized(block, at)
    added = fused_sum(op)
    if added:
        return _of_fused(block, added, at)
    if not all(is_float(block.net, name) for name in (shortcut, branch, op.id)):
        return None
    return Stream(block, shortcut, branch, op.id)


def _of_skip_norm(block: Block, at: int) -> Stream:
    op = block.merge
    output, bias = _SUMMED.get(op.type, _SKIP_LAYER_NORM)
    if len(op.outputs) > output and op.outputs[output]:
        return Stream(block, *block.sides, op.outputs[output])
    more = (op.inputs[bias],) if len(op.inputs) > bias and op.inputs[bias] else ()
    total = f"reslint.stream.{at}"
    return Stream(block, *block.sides, total, tuple(_total((*block.sides, *more), total)))


def _total(names: tuple[str, ...], total: str) -> Iterator[NodeProto]:
    """Additions, one after the other: ONNX Runtime's Sum stretches nothing in old operator sets."""
    so_far = names[0]
    for at, name in enumerate(names[1:]):
        made = total if at == len(names) - 2 else f"{total}.{at}"
        yield helper.make_node("Add", [so_far, name], [made])
        so_far = made


def _of_fused(block: Block, added: str, at: int) -> Stream | None:
    """A product that a stream is added to inside one op: the product is what the op gives, less the stream."""
    op = block.merge
    if (
        not is_float(block.net, op.id)
        or op.text("activation") not in ("", "Linear")
        or op.number("beta", 1.0) != 1.0
        or op.domain.endswith("nchwc")
    ):
        return None
    product = f"reslint.product.{at}"
    sides = (added, product) if block.sides[0] == added else (product, added)
    return Stream(block, *sides, op.id, (helper.make_node("Sub", [op.id, added], [product]),))


def _of_quantized(block: Block, at: int) -> Stream | None:
    """The sum of two quantized tensors; each has its own scale and zero point beside it."""
    op = block.merge
    places = {op.inputs[0]: 0, op.inputs[3]: 3} if len(op.inputs) > 7 else {}
    if not all(side in places for side in block.sides):
        return None
    short, branch, total = names = tuple(f"reslint.{what}.{at}" for what in ("shortcut", "branch", "stream"))
    held = [(side, *_scale(op, places[side] + 1)) for side in block.sides] + [(op.id, *_scale(op, 6))]
    nodes = (helper.make_node("DequantizeLinear", list(h), [name]) for h, name in zip(held, names, strict=True))
    return Stream(block, short, branch, total, tuple(nodes))


def _scale(op: Op, at: int) -> tuple[str, str]:
    return op.inputs[at], op.inputs[at + 1]
