"""What is said of a merge: a residual connection with its sides, or the role that it has instead."""

from __future__ import annotations

from typing import NamedTuple

from reslint.anatomy.detect.objections import Objection
from reslint.anatomy.detect.region import Region
from reslint.anatomy.graph.steps import Step
from reslint.anatomy.values import Kind, Role
from reslint.net import Op


class Verdict(NamedTuple):
    """What a merge is. `kind` is None where it is no residual connection; then `role` says what it is instead.

    `objection` is what was objected to the best of its routes, None where it has none, or a kind. `further` are the sums
    that add more branches. `analysed` says whether it was looked at, to which not too many ways may lead.
    """

    op: Op
    kind: Kind | None
    role: Role
    reason: str
    fork: int = -1
    sides: tuple[int, int] = (-1, -1)
    steps: tuple[Step, ...] = ()
    region: Region | None = None
    objection: Objection | None = None
    further: tuple[Further, ...] = ()
    analysed: bool = True


class Further(NamedTuple):
    """A sum behind a residual connection that adds one more branch of the same stream, as `(x + a) + m` does."""

    op: Op
    branch: int
    region: Region
