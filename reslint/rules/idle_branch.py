"""A measured signal in, branches that add almost nothing out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.rules.rule import Draft, Settings, rule

_RATIO = 1e-3  # real nets have 0.26 to 1.7


@rule("idle-branch", "numerics", Severity.NOTE, Confidence.PROVEN)
def idle_branch(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """A branch adds almost nothing to its stream."""
    idle = [t for t in signal.taps if t.branch.finite and t.shortcut.finite and t.ratio < _RATIO]
    if not idle:
        return
    first, merge = idle[0], idle[0].block.merge
    yield Draft(
        merge,
        first.block.net,
        f"{len(idle)} of {len(signal.taps)} branches add almost nothing: at {merge.id}, "
        f"{first.branch.rms:.2g} to a stream of {first.shortcut.rms:.2g} (root mean square)",
        "train the block or remove it; LayerScale and ReZero start like this in an untrained model",
        {"ratio": first.ratio, "branch_rms": first.branch.rms, "shortcut_rms": first.shortcut.rms, "idle": len(idle)},
        related=tuple(t.block.merge for t in idle[1:]),
    )
