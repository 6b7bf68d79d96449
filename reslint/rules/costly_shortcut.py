"""Blocks in, a finding out where the projections on shortcuts take a large share of a model's multiply-accumulates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Cost, Kind
from reslint.anatomy.metrics.cost import assumed, costs
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_TRIED = (1, 224)  # symbolic dimensions may be small or large; the share is what it is at least
_FEWEST = 4  # blocks of a net whose share is worth telling: a tiny net is mostly projections


@rule("costly-shortcut", "cost", Severity.NOTE, Confidence.PROVEN, design=True)
def costly_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The projections on shortcuts exceed the configured share of the cost."""
    projected = [b for b in anatomy.blocks if b.kind is Kind.PROJECTION]
    if not projected or len(anatomy.blocks) < _FEWEST or anatomy.cost.unknown:
        return
    free = assumed(anatomy.net, settings.sizes)
    share = min(
        _share(projected, costs(anatomy.net, {**settings.sizes, **dict.fromkeys(free, size)})) for size in _TRIED
    )
    if share <= settings.costly_shortcut:
        why = f"{len(projected)} projections take {share:.1%} of the cost, within the limit of {settings.costly_shortcut:.0%}"
        yield from (Pass(b.merge, b.net, why) for b in projected)
    else:
        first, *others = sorted(projected, key=lambda b: b.merge.place)
        yield Draft(
            first.merge,
            first.net,
            f"the projections of {len(projected)} shortcuts take {share:.0%} of all multiply-accumulates",
            "project only where the shape changes, with 1x1 kernels, after the pooling",
            {"share": round(share, 3), "limit": settings.costly_shortcut, "projections": len(projected)},
            related=tuple(b.merge for b in others),
        )


def _share(projected: Sequence[Block], cost: Cost) -> float:
    made = cost.by_op or {}
    ops = {op.id for b in projected for op in b.shortcut}
    return sum(made.get(name, 0) for name in ops) / cost.macs if cost.macs else 0.0
