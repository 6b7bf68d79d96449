"""Anatomy in, branches without a nonlinearity out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule


@rule("affine-branch", "shortcut", Severity.NOTE, Confidence.LIKELY, design=True)
def affine_branch(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The branch has no nonlinearity between fork and merge."""
    found = [b for b in anatomy.blocks if b.kind is not Kind.DENSE and not b.nonlinear and not b.inner]
    around = (b for b in anatomy.blocks if not b.nonlinear and b.inner)
    yield from (Pass(b.merge, b.net, "the branch is linear except for the blocks inside it") for b in around)
    if found:
        first = found[0]
        yield Draft(
            first.merge,
            first.net,
            f"the branch{called(first.merge)} is linear: together with its shortcut it computes no more than one layer",
            "add an activation to the branch, or fold the branch and the shortcut into one layer",
            {"branch_ops": first.branch_ops, "layers": first.depth, "blocks": len(found)},
            related=tuple(b.merge for b in found[1:]),
        )
