"""A measured signal in, branches that add almost nothing out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.rules.rule import Draft, Settings, rule

_RATIO = 1e-3  # real nets have 0.26 to 1.7


@rule("idle-branch", "numerics", Severity.NOTE, Confidence.PROVEN)
def idle_branch(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """A branch adds almost nothing to its stream, or the same to whatever it is fed."""
    yield from _still(signal)
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


def _still(signal: Signal) -> Iterator[Draft]:
    """Branches that give the same on inputs on which their streams differ."""
    still = [
        t
        for t in signal.taps
        if t.branch.steady and t.shortcut.steady is False and t.branch.finite and t.ratio >= _RATIO
    ]
    if still:
        first, merge = still[0], still[0].block.merge
        yield Draft(
            merge,
            first.block.net,
            f"{len(still)} of {len(signal.taps)} branches give the same on different inputs: at {merge.id} a constant of "
            f"magnitude {first.branch.peak:.2g}",
            "see which op forgets its input: a product with zeros, a saturated activation; else fold it into a bias",
            {"branch_rms": first.branch.rms, "shortcut_rms": first.shortcut.rms, "constant": len(still)},
            related=tuple(t.block.merge for t in still[1:]),
        )
