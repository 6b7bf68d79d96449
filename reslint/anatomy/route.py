"""Two sides of a merge in, the ways back from one to a fork that also feeds the other out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reslint.anatomy.flow import Flow
from reslint.anatomy.path import LONGEST, Effect, Step, step_back
from reslint.anatomy.region import Atlas, Region
from reslint.anatomy.verdict import SUMS


@dataclass(frozen=True, slots=True)
class Route:
    """A way back from one side of a merge to a fork that also feeds the other side."""

    side: int
    other: int
    steps: tuple[Step, ...]
    fork: int
    region: Region

    @property
    def effects(self) -> frozenset[Effect]:
        """What happens to the stream on the way."""
        return frozenset(s.effect for s in self.steps)


def routes(flow: Flow, atlas: Atlas, side: int, other: int) -> Iterator[Route]:
    """The nearest fork behind one side that feeds the other side, too."""
    region = atlas.between(side, other)
    if region is not None:
        yield Route(side, other, (), side, region)
        return
    found = _search(flow, atlas, side, other, (), LONGEST)
    if found is not None:
        yield Route(side, other, *found)


def _search(
    flow: Flow, atlas: Atlas, node: int, other: int, steps: tuple[Step, ...], left: int
) -> tuple[tuple[Step, ...], int, Region] | None:
    """Walk back from a node until one that feeds `other`; where linear streams are summed or joined, along each of them."""
    step = step_back(flow, node) if left else None
    if step is not None:
        if not _may_follow(steps, step.effect):
            return None
        region = atlas.between(step.before, other)
        if region is not None:
            return (*steps, step), step.before, region
        return _search(flow, atlas, step.before, other, (*steps, step), left - 1)
    op = flow.ops[node]
    if not left or op is None or op.type not in SUMS | {"Concat"} or node in atlas.residual:
        return None
    if any(s.effect is Effect.ACTIVATION for s in steps):
        return None
    for before in flow.preds[node]:
        found = _search(flow, atlas, before, other, (*steps, Step(Effect.SUM, (op,), before)), left // 2)
        if found is not None:
            return found
    return None


def _may_follow(steps: tuple[Step, ...], effect: Effect) -> bool:
    """Whether a shortcut may do this, too: a learned layer behind an activation makes it a branch."""
    before = {s.effect for s in steps}
    if effect is Effect.ACTIVATION:
        return not before & {Effect.LEARNED, Effect.ACTIVATION, Effect.SUM}
    return effect is not Effect.LEARNED or Effect.ACTIVATION not in before
