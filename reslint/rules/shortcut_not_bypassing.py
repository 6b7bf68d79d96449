"""Anatomy in, merges whose shortcut starts behind the layer that it should bypass out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.ops import CONVS, LAYOUT, is_depthwise, is_layer, kernel
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called, producer


@rule("shortcut-not-bypassing", "shortcut", Severity.WARNING, Confidence.LIKELY)
def shortcut_not_bypassing(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The block's input reaches the output only through the branch's own first layer."""
    for block in anatomy.blocks:
        if block.kind is Kind.IDENTITY and not block.inner and _is_one_projection(block) and _is_alone(block):
            yield Draft(
                block.merge,
                block.net,
                f"the merge{called(block.merge)} adds a linear map of {block.fork} to {block.fork} itself, "
                "so that nothing bypasses the layers before it",
                "take the shortcut from the block's input, before its layers",
                {"fork": block.fork, "made_by": producer(block.net, block.fork), "branch_ops": block.branch_ops},
            )


def _is_one_projection(block: Block) -> bool:
    """Whether the branch is a single dense or pointwise layer and nothing else."""
    layers = [op for op in block.branch if is_layer(block.net, op)]
    rest = [op for op in block.branch if op not in layers and op.type not in LAYOUT | {"Add"}]
    if block.nonlinear or len(layers) != 1 or rest or is_depthwise(block.net, layers[0]):
        return False
    return layers[0].type not in CONVS or all(k == 1 for k in kernel(block.net, layers[0]))


def _is_alone(block: Block) -> bool:
    """Whether the fork is what a learned branch has just made, and not a stream that other merges read."""
    net = block.net
    made = net.producer.get(block.fork)
    for _ in range(4):
        if made is None or is_layer(net, made):
            break
        made = net.producer.get(made.inputs[0]) if made.inputs else None
    readers = {op.id for op in net.consumers.get(block.fork, ())}
    return made is not None and is_layer(net, made) and len(readers) == 2
