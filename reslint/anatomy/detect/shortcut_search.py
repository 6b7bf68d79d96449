"""Two sides of a merge in, the way back from one to a fork that also feeds the other out."""

from __future__ import annotations

from typing import NamedTuple

from reslint.anatomy.detect.region import Atlas, Region
from reslint.anatomy.graph import windows
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import SUMS
from reslint.anatomy.graph.steps import Effect, Step
from reslint.anatomy.graph.traits import LEARNED, NONLINEAR

_PLAIN = (Effect.LAYOUT, Effect.BIAS)
_NOTHING: frozenset[Effect] = frozenset()


class Route(NamedTuple):
    """A way back from one side of a merge to a fork that also feeds the other side."""

    side: int
    other: int
    steps: tuple[Step, ...]
    fork: int
    region: Region

    @property
    def effects(self) -> frozenset[Effect]:
        """What happens to the stream on the way."""
        return frozenset(s.effect for s in self.steps) if self.steps else _NOTHING


def nearest(flow: Dataflow, atlas: Atlas, side: int, other: int) -> Route | None:
    """The way back to the nearest fork behind one side that feeds the other side, too."""
    region = atlas.between(side, other)
    if region is not None:
        return _behind_shared_scale(flow, atlas, Route(side, other, (), side, region))
    found = _search(flow, atlas, side, other, (), windows.SHORTCUT)
    return Route(side, other, *found) if found is not None else None


def _behind_shared_scale(flow: Dataflow, atlas: Atlas, route: Route) -> Route:
    """A route that starts at the scaled stream itself, where equal products were merged into one that only sums read."""
    step = flow.step_back(route.side)
    if step is None or step.effect is not Effect.SCALE:
        return route
    readers = flow.net.consumers.get(flow.names[route.side], ())
    if len(readers) < 2 or any(c.type not in SUMS for c in readers):
        return route
    others = [flow.index[i] for c in readers for i in c.inputs if i in flow.index and flow.index[i] != route.side]
    region = atlas.between(step.before, route.other)
    if region is None or any(atlas.between(step.before, other) is None for other in others):
        return route
    return Route(route.side, route.other, (step,), step.before, region)


def _search(
    flow: Dataflow, atlas: Atlas, node: int, other: int, steps: tuple[Step, ...], left: int
) -> tuple[tuple[Step, ...], int, Region] | None:
    """Walk back from a node until one that feeds `other`; where linear streams are summed or joined, along each of them."""
    step = flow.step_back(node) if left else None
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
    if any(s.effect is Effect.ACTIVATION for s in steps) or not _is_linear_sum(flow, atlas, node):
        return None
    for before in flow.by_age(flow.preds[node]):  # in whatever order they are added
        found = _search(flow, atlas, before, other, (*steps, Step(Effect.SUM, (op,), before)), left // 2)
        if found is not None:
            return found
    return None


def _is_linear_sum(flow: Dataflow, atlas: Atlas, node: int) -> bool:
    """Whether what meets in a node are simple steps from streams side by side, and not from one block after another."""
    steps = [flow.step_back(p) for p in flow.preds[node]]
    sources = {s.before for s in steps if s is not None}
    if flow.op(node).type == "Concat":
        return True
    if any(s is None for s in steps):
        return False
    regions = (atlas.between(a, b) for a in sources for b in sources if a < b)
    return not any(region is not None and region.has(LEARNED | NONLINEAR) for region in regions)


def _may_follow(steps: tuple[Step, ...], effect: Effect) -> bool:
    """Whether a shortcut may do this, too: a learned layer whose output is activated is one at its end only."""
    before = {s.effect for s in steps}
    if effect is Effect.ACTIVATION:
        return not before & {Effect.LEARNED, Effect.ACTIVATION, Effect.SUM}
    return effect is not Effect.LEARNED or Effect.ACTIVATION not in before or before <= {Effect.ACTIVATION, *_PLAIN}
