"""Anatomy in, merges whose shortcut starts behind the layer that it should bypass out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.graph.ops import CONVS, LAYOUT, is_depthwise, is_layer, kernel
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, producer
from reslint.rules.rule import Draft, Settings, rule

_BESIDE = LAYOUT | {"Add"}
_NEAR = 4  # ops between a layer and the fork, such as its bias and its activation
_MANY = 8  # readers of a fork, each as often as it reads it: beyond, it is a stream without a closer look


@rule("shortcut-not-bypassing", "shortcut", Severity.WARNING, Confidence.LIKELY)
def shortcut_not_bypassing(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The block's input reaches the output only through the branch's own first layer."""
    for block in anatomy.blocks:
        simple = block.kind is Kind.IDENTITY and not block.inner and not block.nonlinear
        if simple and _is_one_projection(block) and _is_alone(block):
            yield Draft(
                block.merge,
                block.net,
                f"the merge{called(block.merge)} adds a linear map of {block.fork} to {block.fork} itself, "
                "so nothing bypasses the layers before it",
                "take the shortcut from the block's input, before its layers",
                {"fork": block.fork, "made_by": producer(block.net, block.fork), "branch_ops": block.branch_ops},
            )


def _is_one_projection(block: Block) -> bool:
    """Whether the branch is a single dense or pointwise layer and nothing else."""
    layers = [op for op in block.branch if is_layer(block.net, op)]
    rest = [op for op in block.branch if op not in layers and op.type not in _BESIDE]
    if len(layers) != 1 or rest or is_depthwise(block.net, layers[0]):
        return False
    return layers[0].type not in CONVS or all(k == 1 for k in kernel(block.net, layers[0]))


def _is_alone(block: Block) -> bool:
    """Whether the fork is what a learned branch has just made, and not a stream that other merges read."""
    net = block.net
    readers = net.consumers.get(block.fork, ())
    if len(readers) > _MANY or len({op.id for op in readers}) != 2:
        return False
    made = net.producer.get(block.fork)
    for _ in range(_NEAR):
        if made is None or is_layer(net, made):
            return made is not None
        if len(made.data) != 1:
            return False  # where streams meet, a stream goes on
        made = net.producer.get(made.data[0])
    return False
