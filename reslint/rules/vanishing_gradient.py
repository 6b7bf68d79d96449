"""vanishing-gradient finds that next to nothing of the gradient reaches the first blocks, or layers of a plain network."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import VANISHED, GradientFlow
from reslint.rules._support.reaching import reaching
from reslint.rules.rule import Draft, Settings, rule


@rule("vanishing-gradient", "flow", Severity.WARNING, Confidence.PROVEN)
def vanishing_gradient(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """The gradient at the first blocks is a tiny fraction of that at the last."""
    if flow.kept.most < VANISHED:
        first = f"the first of {len(flow.places)} {flow.unit}s"
        yield reaching(
            flow,
            f"the gradient at {first} is {flow.kept.mean:.2g} times that at the last",
            "add shortcuts that carry the stream unchanged around the layers"
            if flow.plain
            else "let the shortcuts carry the stream unchanged, with coefficient 1, and scale the branches instead",
        )
