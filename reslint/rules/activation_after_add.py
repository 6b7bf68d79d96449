"""Anatomy in, deep stacks of post-activation blocks out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import first_at
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_DEEP = 100  # a heuristic: mild at 54 units, 7.61 against 4.92 percent at 333 (He et al. 2016)


@rule("activation-after-add", "shortcut", Severity.NOTE, Confidence.LIKELY, design=True)
def activation_after_add(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """Post-activation blocks are stacked to a depth that is known to hurt training."""
    found = [b for b in anatomy.blocks if b.activation is not None and b.kind is not Kind.DENSE]
    if len(found) > _DEEP:
        first = found[0]
        yield Draft(
            first.merge,
            first.net,
            f"{len(found)} blocks apply their activation after the merge{first_at(first.merge)}",
            "move normalization and activation before the branch's layers (full pre-activation)",
            {"blocks": len(found), "known_to_hurt_from": _DEEP},
            related=tuple(b.merge for b in found[1:]),
        )
    else:
        why = f"{len(found)} blocks apply their activation after the merge; up to {_DEEP} of them do little harm"
        yield from (Pass(b.merge, b.net, why) for b in found)
