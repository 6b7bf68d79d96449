"""The rows for a person of how a module would begin to train: verdicts first, then the gradient block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reslint.measure import GradientFlow, Layer, Measurement, Passage, Spread, geometric
from reslint.report.common.labels import labels
from reslint.report.common.plain import counted, plain
from reslint.report.flow.verdicts import Verdict, verdicts

LOSS = "a random projection of the outputs, whose gradient has norm 1 there; its seed is that of the parameters"
"""What the gradient is of, as all formats say it."""

HEADING = ("block", "at the input", "cut", "of parameters", "cut", "by the shortcut")
PLAIN = ("layer", "at its output", "of parameters")


def summary(measured: Iterable[Measurement]) -> Iterator[str]:
    """The verdict on rates as the first line, and a row for each of the others."""
    found = verdicts(measured)
    width = max((len(_name(v)) for v in found), default=0)
    for verdict in found:
        if verdict.name == "learning_rate" and verdict.word != "left out":
            yield verdict.says + (f"; with its shortcuts cut, {verdict.cut}" if verdict.cut else "")
        else:
            yield f"  {_name(verdict):<{width}}  {verdict.says}" + (
                f"      (cut: {verdict.cut})" if verdict.cut else ""
            )


def _name(verdict: Verdict) -> str:
    return verdict.name.replace("_", " ")


def headline(flow: GradientFlow) -> str:
    """What was measured."""
    seeds = ", ".join(map(str, flow.seeds))
    fed = f" · fed {plain(flow.fed)}" if flow.fed else ""
    places = counted(len(flow.places), "layer" if flow.plain else "residual block")
    return f"gradient at {places} at initialization · seeds {seeds}{fed}"


def heading(flow: GradientFlow) -> tuple[str, ...]:
    """What stands over the rows."""
    return PLAIN if flow.plain else HEADING


def rows(flow: GradientFlow) -> tuple[tuple[str, ...], ...]:
    """A row for each block or layer, geometric means over the seeds."""
    names = labels([op for op, _ in flow.places])
    if flow.plain:
        return tuple(_layer(name, layer) for name, layer in zip(names, flow.layers, strict=True))
    return tuple(_row(name, passage) for name, passage in zip(names, flow.passages, strict=True))


def notes(flow: GradientFlow) -> Iterator[str]:
    """What stands below the table: the ratios, and how it was measured."""
    if len(flow.places) > 1:
        kept, own = _spread(flow.kept), _spread(flow.kept_parameters)
        if flow.plain:
            yield f"first to last  {kept}; parameters {own}"
        else:
            yield f"first to last  with shortcuts {kept}; all cut {_spread(flow.cut)}"
            yield f"parameters     with shortcuts {own}; all cut {_spread(flow.cut_parameters)}"
    if flow.places:
        yield f"of {LOSS}"
    if flow.batch_normalizations:
        yield f"{counted(flow.batch_normalizations, 'batch normalization')} used batch statistics"
    if not flow.fresh:
        yield "the parameters are the same for each seed: only the inputs and the projection differ"
    if flow.passages and not any(any(p.kept.input) for p in flow.passages):
        yield "no gradient reaches any block: does a layer after them start at zero?"
    elif flow.passages and not any(any(p.cut.input) for p in flow.passages):
        yield "with all shortcuts cut, no gradient arrives: do the branches start at zero?"
    for block, why in flow.left:
        yield f"not cut: {plain(block.merge.id)}, {why}"


def _row(name: str, passage: Passage) -> tuple[str, ...]:
    share = geometric(passage.carried)
    numbers = (passage.kept.input, passage.cut.input, passage.kept.parameters, passage.cut.parameters)
    return name, *(f"{geometric(n):.3g}" for n in numbers), "-" if share != share else f"{100 * share:.3g} %"


def _layer(name: str, layer: Layer) -> tuple[str, ...]:
    return name, f"{geometric(layer.reach.input):.3g}", f"{geometric(layer.reach.parameters):.3g}"


def _spread(ratio: Spread) -> str:
    return f"{ratio.mean:.3g} ({ratio.least:.3g}..{ratio.most:.3g})" if ratio.mean == ratio.mean else "-"
