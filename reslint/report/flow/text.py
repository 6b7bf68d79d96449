"""A measured gradient flow in, its rows for a person out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.measure import GradientFlow, Passage, Spread, geometric
from reslint.report.common.labels import labels
from reslint.report.common.plain import counted, plain

LOSS = "a random projection of the outputs, whose gradient has norm 1 there; its seed is that of the parameters"
"""What the gradient is of, as all formats say it."""

HEADING = ("block", "at the input", "cut", "of parameters", "cut", "by the shortcut")


def headline(flow: GradientFlow) -> str:
    """What was measured."""
    seeds = ", ".join(map(str, flow.seeds))
    fed = f" · fed {plain(flow.fed)}" if flow.fed else ""
    return f"gradient at {counted(len(flow.passages), 'residual block')} at initialization · seeds {seeds}{fed}"


def rows(flow: GradientFlow) -> tuple[tuple[str, ...], ...]:
    """A row for each block, geometric means over the seeds."""
    names = labels([p.block.merge for p in flow.passages])
    return tuple(_row(name, passage) for name, passage in zip(names, flow.passages, strict=True))


def notes(flow: GradientFlow) -> Iterator[str]:
    """What stands below the table: the ratios, and how it was measured."""
    if len(flow.passages) > 1:
        yield f"first to last  with shortcuts {_spread(flow.kept)}; all cut {_spread(flow.cut)}"
        yield f"parameters     with shortcuts {_spread(flow.kept_parameters)}; all cut {_spread(flow.cut_parameters)}"
    if flow.passages:
        yield f"of {LOSS}"
    if flow.batch_normalizations:
        yield f"{counted(flow.batch_normalizations, 'batch normalization')} took the statistics of the batch"
    if not flow.fresh:
        yield "the parameters are the same for each seed: only the inputs and the projection differ"
    if flow.passages and not any(any(p.kept.input) for p in flow.passages):
        yield "no gradient reaches any block: does a layer behind them start at zero?"
    elif flow.passages and not any(any(p.cut.input) for p in flow.passages):
        yield "with all shortcuts cut nothing arrives: do the branches start at zero?"
    for block, why in flow.left:
        yield f"left alone: {plain(block.merge.id)}, {why}"


def _row(name: str, passage: Passage) -> tuple[str, ...]:
    share = geometric(passage.carried)
    numbers = (passage.kept.input, passage.cut.input, passage.kept.parameters, passage.cut.parameters)
    return name, *(f"{geometric(n):.3g}" for n in numbers), "-" if share != share else f"{100 * share:.3g} %"


def _spread(ratio: Spread) -> str:
    return f"{ratio.mean:.3g} ({ratio.least:.3g}..{ratio.most:.3g})" if ratio.mean == ratio.mean else "-"
