"""exploding-gradient finds that the gradient is far larger at the first blocks or layers, or not finite."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from reslint.finding import Confidence, Severity
from reslint.measure import VANISHED, GradientFlow
from reslint.rules._support.reaching import reaching
from reslint.rules._support.words import times
from reslint.rules.rule import Draft, Settings, rule


@rule("exploding-gradient", "flow", Severity.WARNING, Confidence.PROVEN)
def exploding_gradient(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """The gradient at the first blocks is many times that at the last, or is not finite."""
    shortcuts = "add shortcuts around the layers: a sum preserves the size of the gradient"
    help = shortcuts if flow.plain else "normalize each branch, or scale it by 1/sqrt(depth)"
    number = len(flow.places)
    broken = [op for op, reach in flow.places if not all(map(isfinite, reach.input))]
    if broken:
        yield reaching(flow, f"the gradient is not finite at {len(broken)} of {number} {flow.unit}s", help)
    elif flow.kept.least > 1 / VANISHED:
        first = f"the first of {number} {flow.unit}s"
        yield reaching(flow, f"the gradient at {first} is {times(flow.kept.mean)} times that at the last", help)
