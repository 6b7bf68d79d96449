"""Anatomy in, long skips, pyramids and concatenations that fit at some sizes only out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.anatomy.graph.ops import SUMS, is_learned
from reslint.anatomy.sizes import Mismatch, mismatches
from reslint.finding import Confidence, Severity
from reslint.net import Net
from reslint.rules._support.fitting import by_cause, told
from reslint.rules.rule import Draft, Settings, rule

_NEAR = 8  # ops to look back from a sum for a layer


@rule("skip-dynamic-mismatch", "shortcut", Severity.WARNING, Confidence.PROVEN)
def skip_dynamic_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A long skip, pyramid or concatenation fits at some sizes only."""
    if anatomy.trial is None:
        return
    residual = {b.merge.id for b in anatomy.blocks if b.kind is not Kind.DENSE}
    found = [m for m in mismatches(anatomy.trial) if m.failure.op.id not in residual and _is_told(m)]
    for cause in by_cause(found):
        yield told(
            cause,
            "resize one side to the other's size (size=skip.shape[2:], a crop, a pad), or pad the input to a multiple",
            ("one", "other"),
            cause[0].failure.names,
        )


def _is_told(mismatch: Mismatch) -> bool:
    """Whether the sides are streams; a mask or a second input that must be as long as the first is the caller's business."""
    net, op = mismatch.failure.net, mismatch.failure.op
    return mismatch.tied is None or op.type in SUMS and all(_is_computed(net, name) for name in op.inputs)


def _is_computed(net: Net, name: str) -> bool:
    """Whether something learned is near behind a tensor."""
    for _ in range(_NEAR):
        op = net.producer.get(name)
        if op is None or not op.data:
            return False
        if is_learned(net, op):
            return True
        name = op.data[0]
    return False
