"""Anatomy in, branches that can only add out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind, Placement
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, producer
from reslint.rules.rule import Draft, Settings, rule

_MANY = 4  # blocks from which growth counts, where nothing normalizes what they add (heuristic)
_BARE = (Placement.NONE, Placement.UNKNOWN)


@rule("branch-nonnegative", "shortcut", Severity.WARNING, Confidence.LIKELY, design=True)
def branch_nonnegative(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The branch ends in an activation that is never negative, so the stream can only grow."""
    found = [b for b in anatomy.blocks if b.nonnegative and b.kind not in (Kind.DENSE, Kind.GATED)]
    if found:
        first = found[0]
        yield Draft(
            first.merge,
            first.net,
            f"the branch{called(first.merge)} ends in {producer(first.net, first.sides[1])}, whose output is never negative: "
            "the stream can only grow",
            "move the activation after the merge or before the branch's last layer",
            {"end": producer(first.net, first.sides[1]), "blocks": len(found), "of": len(anatomy.blocks)},
            related=tuple(b.merge for b in found[1:]),
            severity=None if len(found) >= _MANY and any(b.normalization in _BARE for b in found) else Severity.NOTE,
        )
