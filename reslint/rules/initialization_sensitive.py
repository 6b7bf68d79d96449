"""initialization-sensitive finds that the first gradient changes by orders of magnitude with the scale of the weights."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Initialization, Response
from reslint.rules.rule import Draft, Settings, rule


@rule("initialization-sensitive", "flow", Severity.WARNING, Confidence.PROVEN)
def initialization_sensitive(found: Initialization, settings: Settings) -> Iterator[Draft]:
    """The gradient at the start changes by orders of magnitude with the scale of the weights."""
    blocks, net = found.anatomy.blocks, found.anatomy.net
    if found.verdict != "sensitive" or not net.ops:
        return
    kept = found.kept.of_gradient
    yield Draft(
        blocks[0].merge if blocks else net.ops[0],
        blocks[0].net if blocks else net,
        f"the gradient at the start changes by a factor of 2^{kept.mean:.0f} when all weights double",
        "normalize each branch, or let it start at zero (Fixup, SkipInit, ReZero)"
        if blocks
        else "add shortcuts with normalized branches, or normalize the layers",
        {
            "doublings": kept.mean,
            "doublings_outputs": found.kept.of_outputs.mean,
            "doublings_cut": found.cut.of_gradient.mean if found.cut else None,
            "factors": list(found.factors),
        },
        lines=(("gradient", _said(found.kept)), *((("cut", _said(found.cut)),) if found.cut else ())),
    )


def _said(response: Response) -> str:
    gradient, outputs = response.of_gradient, response.of_outputs
    return f"× 2^{gradient.least:.1f} to 2^{gradient.most:.1f} over the seeds; outputs × 2^{outputs.mean:.1f}"
