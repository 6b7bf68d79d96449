"""excess-depth finds that many blocks of a trained model hardly change its outputs."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import IDLE, Ablation
from reslint.rules.rule import Draft, Settings, rule

_SHARE = 0.25  # heuristic: of the blocks; ShortGPT takes about a quarter of a language model's layers away
_FEW = 2  # blocks at least: one that is idle is idle-branch's


@rule("excess-depth", "depth", Severity.NOTE, Confidence.LIKELY)
def excess_depth(found: Ablation, settings: Settings) -> Iterator[Draft]:
    """Many blocks of a trained model hardly change its outputs."""
    idle = [found.ablated[at - 1] for at in found.idle]
    if found.made_up or len(idle) < max(_FEW, _SHARE * len(found.ablated)):
        return
    first = idle[0].block
    yield Draft(
        first.merge,
        first.net,
        found.says,
        "try fewer blocks, or more data; first run it on inputs of your own (--inputs): made-up ones may not need these blocks",
        {
            "effective": found.effective,
            "blocks": len(found.ablated),
            "idle": list(found.idle),
            "moved": [one.moved for one in found.ablated],
            "threshold": IDLE,
        },
        related=tuple(one.block.merge for one in idle[1:]),
    )
