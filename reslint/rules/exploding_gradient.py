"""A measured gradient flow in, the finding that it is far larger at the first blocks, or not finite, out."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from reslint.finding import Confidence, Severity
from reslint.measure import GradientFlow
from reslint.rules._support.reaching import reaching
from reslint.rules.rule import Draft, Settings, rule

_TIMES = 1e3  # heuristic; sound networks have 0.1 to 100 at initialization, whatever their depth


@rule("exploding-gradient", "flow", Severity.WARNING, Confidence.PROVEN)
def exploding_gradient(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """The gradient that reaches the first blocks is many times the last blocks', or not finite."""
    help = "normalize each branch, or scale it by 1/sqrt(depth)"
    broken = [p for p in flow.passages if not all(map(isfinite, p.kept.input))]
    if broken:
        yield reaching(flow, f"the gradient is not finite at {len(broken)} of {len(flow.passages)} blocks", help)
    elif flow.kept.least > _TIMES:
        times = f"{flow.kept.mean:.3g} times the last one's"
        yield reaching(flow, f"the gradient that reaches the first of {len(flow.passages)} blocks is {times}", help)
