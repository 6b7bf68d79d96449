"""`ablation` takes one branch after the other away from a model, and tells what each block is worth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reslint.anatomy import Block
from reslint.errors import RunFailed
from reslint.measure import Ablated, Ablation, Signal, Tap
from reslint.runtime.agreement.checks import Known
from reslint.runtime.launch.process import launch, told
from reslint.runtime.model.runnable import is_half, plan, widened
from reslint.runtime.model.skippable import skippable
from reslint.runtime.request import Wanted


def ablation(known: Known, wanted: Wanted, signals: Sequence[Signal]) -> Iterator[Ablation]:
    """Skip each block on each input, and take the means; its influence and its branch's size are the signal's."""
    if not wanted.depth:
        return
    model = widened(known.model, known.anatomy.net) if is_half(known.model.proto) else known.model
    proto, held, skipping = skippable(model.proto, known.found)
    left, made_up = len(known.anatomy.blocks) - len(held), bool(known.model.made_up)
    if not held or not skipping.outputs:
        yield Ablation(known.anatomy, (), len(known.anatomy.blocks), made_up)
        return
    one = replace(plan("the model with one block skipped", replace(model, proto=proto)), skipping=skipping)
    answer = launch((one,), tuple((feed,) for feed in known.feeds), known.limits)
    if answer.error:
        raise RunFailed(f"fails: {told(answer.error)}")
    runs = [ran.outputs[0] for ran in answer.ran[0]]
    taps = {tap.block.merge.id: tap for signal in signals for tap in signal.taps}
    moved, agreed = (
        [_mean(run[name][at] for run in runs) for at in range(len(held))] for name in ("moved", "agreement")
    )
    rows = zip(held, moved, agreed, strict=True)
    found = (_ablated(stream.block, taps.get(stream.block.merge.id), m, a) for stream, m, a in rows)
    yield Ablation(known.anatomy, tuple(found), left, made_up)


def _ablated(block: Block, tap: Tap | None, moved: float | None, agreement: float | None) -> Ablated:
    influence = 1 - tap.cosine if tap is not None and tap.cosine is not None else None
    return Ablated(block, moved, influence, tap.ratio if tap is not None else None, agreement)


def _mean(numbers: Iterable[float]) -> float | None:
    """The mean over the inputs; None where one of them gave no number."""
    found = tuple(map(float, numbers))
    return sum(found) / len(found) if found and all(map(math.isfinite, found)) else None
