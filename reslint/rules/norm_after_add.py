"""Anatomy in, stacks that normalize the stream itself out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind, Placement
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import first_at
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_STATISTICAL = frozenset({"BatchNormalization", "GroupNormalization", "InstanceNormalization", "GroupNorm"})


@rule("norm-after-add", "norm", Severity.WARNING, Confidence.LIKELY, design=True)
def norm_after_add(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A batch, group or instance normalization follows each merge on the stream."""
    for stack in anatomy.stacks:
        found = [
            b
            for b in stack.blocks
            if b.normalization is Placement.POST
            and b.kind not in (Kind.DENSE, Kind.PROJECTION)  # a projection passes nothing unchanged anyway
            and any(op.type in _STATISTICAL for op in b.net.consumers.get(b.merge.id, ()))
        ]
        if len(found) == 1:
            yield Pass(found[0].merge, found[0].net, "normalized after its merge, but the only such block of its stack")
        if len(found) >= 2:
            first = found[0]
            yield Draft(
                first.merge,
                first.net,
                f"the stream is normalized after {len(found)} merges in a row{first_at(first.merge)}: "
                "no shortcut passes it unchanged",
                "move the normalization into the branch",
                {"blocks": len(found), "of": len(stack.blocks)},
                related=tuple(b.merge for b in found[1:]),
            )
