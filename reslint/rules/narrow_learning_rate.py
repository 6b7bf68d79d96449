"""narrow-learning-rate finds that hardly any rate learns in a short run."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import LearningRate, Rates
from reslint.rules.rule import Draft, Settings, rule

_ALL = 2  # optimizers: where one was not tried, nothing is known


@rule("narrow-learning-rate", "flow", Severity.WARNING, Confidence.LIKELY)
def narrow_learning_rate(found: LearningRate, settings: Settings) -> Iterator[Draft]:
    """Hardly any learning rate reduces the loss in a short run."""
    best, (blocks, net) = found.widest, (found.anatomy.blocks, found.anatomy.net)
    if found.verdict not in ("narrow", "does not train") or len(found.kept) < _ALL or not net.ops:
        return
    where = f"only {best.learned[0]:g} ({best.optimizer})" if best.learned else "none"
    yield Draft(
        blocks[0].merge if blocks else net.ops[0],
        blocks[0].net if blocks else net,
        f"of {len(best.tried)} learning rates from {best.tried[0]:g} to {best.tried[-1]:g}, {where} reduces the loss "
        f"within {found.steps} steps",
        "normalize before each branch, warm up the learning rate, or scale the branches down"
        if blocks
        else "add shortcuts with normalized branches",
        {
            "learned": {rates.optimizer: list(rates.learned) for rates in found.kept},
            "tried": {rates.optimizer: list(rates.tried) for rates in found.kept},
            "learned_cut": {rates.optimizer: list(rates.learned) for rates in found.cut},
            "steps": found.steps,
        },
        lines=tuple((rates.optimizer, _said(rates)) for rates in found.kept),
    )


def _said(rates: Rates) -> str:
    """The best that was left of the loss at each rate."""
    best = [(rate, min(c.left for c in rates.courses if c.rate == rate)) for rate in rates.tried]
    return "lowest share of the first loss: " + ", ".join(f"{left:.2f} at {rate:g}" for rate, left in best)
