"""A measured gradient flow in, shortcuts that bring nothing of it to their block's input out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import GradientFlow, geometric
from reslint.rules.rule import Draft, Settings, rule

_SHARE = 1e-3  # heuristic; sound shortcuts bring a fifth and more


@rule("shortcut-carries-nothing", "flow", Severity.NOTE, Confidence.PROVEN)
def shortcut_carries_nothing(flow: GradientFlow, settings: Settings) -> Iterator[Draft]:
    """Cutting a shortcut does not change the gradient below it."""
    idle = [p for p in flow.passages if all(share < _SHARE for share in p.carried)]
    if not idle:
        return
    first, share = idle[0].block, geometric(idle[0].carried)
    yield Draft(
        first.merge,
        first.net,
        f"{len(idle)} of {len(flow.passages)} shortcuts carry almost nothing: of the gradient at {first.fork}, "
        f"{share:.2g} flows through the shortcut, the rest through the branch",
        "let the shortcut carry the stream unchanged: no detach, no factor near zero, no closed gate",
        {"share": share, "blocks": len(idle), "seeds": list(flow.seeds)},
        related=tuple(p.block.merge for p in idle[1:]),
    )
