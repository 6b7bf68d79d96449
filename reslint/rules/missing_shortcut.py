"""Anatomy in, the one of many like blocks that lost its shortcut out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.views.siblings import NoGap, begun_inside, gaps
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, listed
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_ENOUGH = 2  # siblings that make a rule of it, a heuristic
_REGULAR = 3  # blocks of a net without any other gap, for which one sibling is enough


@rule("missing-shortcut", "shortcut", Severity.WARNING, Confidence.LIKELY)
def missing_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """One of many similar blocks in a row lacks the shortcut that its siblings have."""
    inside = {found.end.id for found in begun_inside(anatomy)}
    for gap in gaps(anatomy):
        if isinstance(gap, NoGap):
            yield Pass(gap.end, gap.net, gap.why)
            continue
        if gap.end.id in inside:
            yield Pass(gap.end, gap.net, "the shortcut of its block starts behind it, which is captured-shortcut")
            continue
        if len(gap.siblings) < _ENOUGH and not (gap.alone and len(anatomy.blocks) >= _REGULAR):
            yield Pass(
                gap.end, gap.net, "its layers match those of one block only, and other layers lack a shortcut, too"
            )
            continue
        told = f"{len(gap.siblings)} sibling blocks" if len(gap.siblings) > 1 else "a sibling block"
        yield Draft(
            gap.end,
            gap.net,
            f"the layers{called(gap.end)} match those of {told}, but no shortcut bypasses them",
            f"add {gap.fork} to {gap.end.id}, as the siblings do",
            {
                "siblings": len(gap.siblings),
                "fork": gap.fork,
                "shape": listed(gap.net.shape(gap.end.id)),
                "sibling_merges": [b.merge.id for b in gap.siblings[:4]],
            },
            (("siblings", ", ".join(b.merge.id for b in gap.siblings[:4])),),
        )
