"""Anatomy in, projections that fit nothing out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.graph.ops import POOLING, is_downsampling, is_layer
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, listed
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_MANY = 16  # a heuristic: projections everywhere were fine with 16 units and hurt with 54 (He et al. 2016)


@rule("needless-projection", "shortcut", Severity.NOTE, Confidence.LIKELY, design=True)
def needless_projection(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A shortcut has a learned projection although the shapes already agree."""
    found = [b for b in anatomy.blocks if b.kind is Kind.PROJECTION and _is_needless(b)]
    for b in anatomy.blocks if settings.explain else ():
        if b.kind is Kind.PROJECTION and not _is_needless(b):
            yield Pass(b.merge, b.net, "the projection changes the shape, or is not learned")
    if found:
        first = found[0]
        yield Draft(
            first.merge,
            first.net,
            f"the shortcut{called(first.merge)} is projected although its shape already fits",
            "let the stream pass unchanged",
            {"shape": listed(first.net.shape(first.fork)), "blocks": len(found), "of": len(anatomy.blocks)},
            related=tuple(b.merge for b in found[1:]),
            severity=Severity.WARNING if len(found) > _MANY else None,
        )


def _is_needless(block: Block) -> bool:
    before, after = block.net.shape(block.fork), block.net.shape(block.merge.id)
    changes = any(is_downsampling(block.net, op) or op.type in POOLING for op in block.shortcut)
    return (
        before is not None and before == after and not changes and any(is_layer(block.net, op) for op in block.shortcut)
    )
