"""A measured gradient flow in, the finding that next to nothing of it reaches the first blocks out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import GradientFlow
from reslint.rules._support.reaching import reaching
from reslint.rules.rule import Draft, Settings, rule

_PART = 1e-3  # heuristic; sound networks have 0.1 to 100 at initialization, whatever their depth


@rule("vanishing-gradient", "flow", Severity.WARNING, Confidence.PROVEN)
def vanishing_gradient(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """The gradient that reaches the first blocks is a tiny part of the last blocks'."""
    if flow.kept.most < _PART:
        yield reaching(
            flow,
            f"the gradient that reaches the first of {len(flow.passages)} blocks is {flow.kept.mean:.2g} of the last one's",
            "let the shortcuts carry the stream as it is, with coefficient 1, and scale the branches instead",
        )
