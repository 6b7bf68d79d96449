"""Anatomy in, projections that skip most of their input out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.ops import CONVS, kernel, strides
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule


@rule("lossy-downsample", "shortcut", Severity.NOTE, Confidence.LIKELY, design=True)
def lossy_downsample(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A strided 1x1 convolution on the shortcut skips most of its input."""
    found = [(b, op) for b in anatomy.blocks for op in b.shortcut if _skips(b.net, op)]
    if found:
        block, op = found[0]
        kept = 1.0
        for stride in strides(op):
            kept /= stride
        yield Draft(
            block.merge,
            block.net,
            f"the projection{called(block.merge)} reads {kept:.0%} of its input: a 1x1 kernel with stride {max(strides(op))}",
            "average-pool with the stride first, then project with stride 1 (ResNet-D)",
            {"kernel": 1, "strides": list(strides(op)), "share_read": kept, "blocks": len(found)},
            related=tuple(b.merge for b, _ in found[1:]),
        )


def _skips(net: Net, op: Op) -> bool:
    if op.type not in CONVS or max(strides(op), default=1) < 2:
        return False
    extents = kernel(net, op)
    return bool(extents) and max(extents) == 1
