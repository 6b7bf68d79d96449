"""A measured gradient flow in, its charts out: what reaches each block, with the shortcuts and with all of them cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from reslint.anatomy.views.source import module_of
from reslint.measure import GradientFlow, Passage, Reach, Spread, geometric
from reslint.report.common.plain import counted
from reslint.report.html.charts import Chart, columns, curve, linear, logarithmic, places, up_ticks
from reslint.report.html.numbers import decade, measured


def flow_charts(flow: GradientFlow) -> Iterator[Chart]:
    """The gradient at the blocks' inputs and of their parameters, and what the shortcuts bring of it."""
    if not flow.passages:
        return
    left = f" {counted(len(flow.left), 'block')} could not be measured." if flow.left else ""
    says = f"{_fares('at the first block', flow.kept, flow.cut)}, over {counted(len(flow.seeds), 'seed')}.{left}"
    yield _pair("Gradient at the blocks", says, "norm at a block's input", flow.passages, lambda reach: reach.input)
    learning = tuple(p for p in flow.passages if any(p.kept.parameters))
    if learning:
        says = f"{_fares('of the first block', flow.kept_parameters, flow.cut_parameters)}."
        yield _pair(
            "Gradient of the parameters", says, "norm of its parameters", learning, lambda reach: reach.parameters
        )
    yield _carried(flow.passages)


def _fares(first: str, kept: Spread, cut: Spread) -> str:
    last = first.replace("first block", "last")
    return (
        f"The gradient {first} is {measured(kept.mean)} times that {last}; "
        f"with all shortcuts cut, {measured(cut.mean)} times"
    )


def _pair(
    title: str, says: str, up: str, passages: Sequence[Passage], norms: Callable[[Reach], tuple[float, ...]]
) -> Chart:
    kept, cut = (
        [geometric(norms(reach)) for reach in side] for side in zip(*((p.kept, p.cut) for p in passages), strict=True)
    )
    scale = logarithmic((*kept, *cut))
    return Chart(
        title,
        says,
        "block",
        up,
        ("block", "name", "with shortcuts", "all cut"),
        tuple(
            (str(n), _name(p), measured(a), measured(b))
            for n, (p, a, b) in enumerate(zip(passages, kept, cut, strict=True), 1)
        ),
        places(1, len(passages)),
        up_ticks(scale, decade),
        lines=(curve("with shortcuts", "a", kept, scale), curve("all cut", "b", cut, scale)),
    )


def _carried(passages: Sequence[Passage]) -> Chart:
    shares = [sum(p.carried) / len(p.carried) for p in passages]
    scale = linear((*shares, 1.0))
    least = min(range(len(shares)), key=shares.__getitem__)
    told = [f"{_name(p)}: {measured(share)}" for p, share in zip(passages, shares, strict=True)]
    return Chart(
        "Carried by the shortcuts",
        f"The share of each block's gradient that flows through its shortcut. Least: {told[least]}.",
        "block",
        "share of the gradient at its input",
        ("block", "name", "share"),
        tuple(
            (str(n), _name(p), measured(share)) for n, (p, share) in enumerate(zip(passages, shares, strict=True), 1)
        ),
        places(1, len(shares)),
        up_ticks(scale, lambda v: f"{v:g}"),
        columns(shares, scale, told),
    )


def _name(passage: Passage) -> str:
    op = passage.block.merge
    return module_of(op) or op.name or op.id
