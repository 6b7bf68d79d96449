"""How residual blocks fare while a module trains: plain frozen values, and the alarms that they give."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LARGEST_HALF = 65504.0
"""The largest number of half precision (IEEE 754)."""

_UPDATE = 0.04  # heuristic: of a block's weights changed in one step; sound runs change a thousandth to a hundredth
_LARGE_UPDATE, _GROWN_UPDATE = 0.02, 4.0  # heuristics: enough where it is so many times the median of the run so far
_GROWTH = 10.0  # heuristic: times the median of the run so far
_RISE = 1.3  # heuristic: times the highest mean of those before
_WINDOW = 5  # losses whose mean is held against that of others: one bad batch is no trend
_LOOKED_BACK = 8  # windows
_SOLVED = 0.1  # of the first losses: what goes up and down below is no matter
_EARLY = 4  # records before anything can be called unusual
_IN_A_ROW = 2  # records that must agree


@dataclass(frozen=True, slots=True)
class BlockHealth:
    """One residual block at one step.

    `ratio` is the branch's size over the stream's, `peak` the stream's largest magnitude behind the merge, `gradient` the
    norm over the block's parameters, `update` the norm of their change in one step over their own. None where unknown.
    """

    name: str
    ratio: float | None = None
    peak: float | None = None
    gradient: float | None = None
    update: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All residual blocks at one step, and the loss there, if it is known."""

    step: int
    loss: float | None
    blocks: tuple[BlockHealth, ...]

    @property
    def peak(self) -> float | None:
        """The largest magnitude of any stream."""
        return max((block.peak for block in self.blocks if block.peak is not None), default=None)

    @property
    def update(self) -> float | None:
        """The largest change of any block's weights."""
        return max((b.update for b in self.blocks if b.update is not None), default=None)

    @property
    def gradient(self) -> float | None:
        """The largest gradient of any block."""
        return max((b.gradient for b in self.blocks if b.gradient is not None), default=None)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why a run is expected to die, and from which step on that is known."""

    step: int
    kind: str
    says: str


def alarms(records: Sequence[Health]) -> Iterator[Alarm]:
    """What the last record gives cause for. All thresholds are heuristics, tried on the runs of bench/training.py."""
    last = records[-1]
    broken = [block.name for block in last.blocks if block.peak is not None and not math.isfinite(block.peak)]
    if broken:
        first = broken[0]
        yield Alarm(last.step, "nonfinite", f"the stream is not finite behind {first}")
        return
    yield from _half(last)
    yield from _updates(records)
    yield from _growth(records)


def _half(last: Health) -> Iterator[Alarm]:
    worst = max(last.blocks, key=lambda block: block.peak or 0.0, default=None)
    if worst is not None and worst.peak is not None and worst.peak > LARGEST_HALF / 2:
        says = f"the stream reaches {worst.peak:.3g} behind {worst.name}; half precision ends at 65504"
        yield Alarm(last.step, "half-range", says)


def _updates(records: Sequence[Health]) -> Iterator[Alarm]:
    """Steps so large that they replace the weights instead of changing them, or that grow towards that."""
    known = [record.update for record in records if record.update is not None]
    before, now = sorted(known[:-_IN_A_ROW]), known[-_IN_A_ROW:]
    if records[-1].update is None or len(before) < _EARLY:
        return
    usual = before[len(before) // 4]  # of a rate that has risen for long the middle is high already
    if min(now) > _UPDATE or min(now) > max(_LARGE_UPDATE, _GROWN_UPDATE * usual):
        worst = max(records[-1].blocks, key=lambda block: block.update or 0.0)
        says = f"one step changes {worst.update:.1%} of the weights of {worst.name} (usual {usual:.1%}): the rate is too high"
        yield Alarm(records[-1].step, "update", says)


def _growth(records: Sequence[Health]) -> Iterator[Alarm]:
    """Streams or gradients that have left the range in which they were."""
    for kind, values in (("stream", [r.peak for r in records]), ("gradient", [r.gradient for r in records])):
        known = [value for value in values if value is not None]
        before, now = sorted(known[:-_IN_A_ROW]), known[-_IN_A_ROW:]
        if values[-1] is None or len(before) < _EARLY:
            continue
        usual = before[len(before) // 2]
        if min(now) > _GROWTH * usual and now[-1] >= now[0]:
            says = f"the largest {kind} is {now[-1]:.3g}, {now[-1] / usual:.3g} times what it was, and grows"
            yield Alarm(records[-1].step, kind, says)


def rising(losses: Sequence[tuple[int, float]]) -> Iterator[Alarm]:
    """A loss that has turned: two windows in a row lie above all of the windows before, as far as they are looked at."""
    values = [loss for _, loss in losses]
    ends = range(len(values), _WINDOW - 1, -_WINDOW)
    means = [sum(values[end - _WINDOW : end]) / _WINDOW for end in ends][: _LOOKED_BACK + _IN_A_ROW]
    now, before = means[:_IN_A_ROW], means[_IN_A_ROW:]
    if len(before) > _EARLY and min(now) > _RISE * max(before) and min(now) > _SOLVED * values[0]:
        yield Alarm(losses[-1][0], "loss", f"the loss has risen from {before[0]:.3g} to {now[0]:.3g}, and stays there")
