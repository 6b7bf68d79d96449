"""vanishing-gradient finds that next to nothing of the gradient reaches the first blocks, or layers of a plain network."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import VANISHED, GradientFlow
from reslint.rules._support.reaching import reaching
from reslint.rules.rule import Draft, Settings, rule


@rule("vanishing-gradient", "flow", Severity.WARNING, Confidence.PROVEN)
def vanishing_gradient(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """The gradient that reaches the first blocks is a tiny part of the last blocks'."""
    if flow.kept.most < VANISHED:
        first = f"the first of {len(flow.places)} {flow.unit}s"
        yield reaching(
            flow,
            f"the gradient that reaches {first} is {flow.kept.mean:.2g} of the last one's",
            "give the layers shortcuts that carry the stream as it is"
            if flow.plain
            else "let the shortcuts carry the stream as it is, with coefficient 1, and scale the branches instead",
        )
