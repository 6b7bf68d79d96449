"""A measured gradient flow in, what is to be said on its first and its last block out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.measure import GradientFlow, Spread, geometric
from reslint.rules.rule import Draft


def reaching(flow: GradientFlow, says: str, help: str) -> Draft:
    """A draft at the first block, with both curves' ratios as evidence."""
    first = flow.passages[0].block
    return Draft(first.merge, first.net, says, help, dict(_evidence(flow)), lines=tuple(_lines(flow)))


def _evidence(flow: GradientFlow) -> Iterator[tuple[str, object]]:
    yield "ratio", flow.kept.mean
    yield "ratio_cut", flow.cut.mean
    yield "ratio_parameters", flow.kept_parameters.mean
    yield "first", geometric(flow.passages[0].kept.input)
    yield "last", geometric(flow.passages[-1].kept.input)
    yield "last_merge", flow.passages[-1].block.merge.id
    yield "blocks", len(flow.passages)
    yield "seeds", list(flow.seeds)


def _lines(flow: GradientFlow) -> Iterator[tuple[str, str]]:
    steps = max(len(flow.passages) - 1, 1)
    yield "with shortcuts", f"{_spread(flow.kept)}, {flow.kept.mean ** (1 / steps):.3g} a block"
    yield "without", _spread(flow.cut)
    yield "parameters", _spread(flow.kept_parameters)


def _spread(ratio: Spread) -> str:
    seeds = f" ({ratio.least:.3g} to {ratio.most:.3g} over the seeds)" if ratio.least < ratio.most else ""
    return f"{ratio.mean:.3g} first to last{seeds}"
