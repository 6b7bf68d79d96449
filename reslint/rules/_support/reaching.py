"""`reaching` drafts what is to be said on the first and the last block or layer that a gradient passes."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.measure import GradientFlow, Spread, geometric
from reslint.rules.rule import Draft


def reaching(flow: GradientFlow, says: str, help: str) -> Draft:
    """A draft at the first block or layer, with both curves' ratios as evidence."""
    first, _ = flow.places[0]
    net = flow.anatomy.net if flow.plain else flow.passages[0].block.net
    return Draft(first, net, says, help, dict(_evidence(flow)), lines=tuple(_lines(flow)))


def _evidence(flow: GradientFlow) -> Iterator[tuple[str, object]]:
    (_, first), (op, last) = flow.places[0], flow.places[-1]
    yield "ratio", flow.kept.mean
    yield "ratio_cut", flow.cut.mean
    yield "ratio_parameters", flow.kept_parameters.mean
    yield "first", geometric(first.input)
    yield "last", geometric(last.input)
    yield f"last_{'layer' if flow.plain else 'merge'}", op.id
    yield f"{flow.unit}s", len(flow.places)
    yield "seeds", list(flow.seeds)


def _lines(flow: GradientFlow) -> Iterator[tuple[str, str]]:
    steps = max(len(flow.places) - 1, 1)
    yield (
        "without shortcuts" if flow.plain else "with shortcuts",
        (f"{_spread(flow.kept)}, {flow.kept.mean ** (1 / steps):.3g} per {flow.unit}"),
    )
    if not flow.plain:
        yield "without", _spread(flow.cut)
    if flow.lost:
        yield "lost", f"{flow.lost} {flow.unit}s before the last one"
    yield "parameters", _spread(flow.kept_parameters)


def _spread(ratio: Spread) -> str:
    seeds = f" ({ratio.least:.3g} to {ratio.most:.3g} over the seeds)" if ratio.least < ratio.most else ""
    return f"{ratio.mean:.3g} first to last{seeds}"
