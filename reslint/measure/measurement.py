"""All that a run may measure, and what of it is worth telling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reslint.measure.ablation import Ablation
from reslint.measure.agreement import Agreement, Difference, Noise
from reslint.measure.fed import Fed
from reslint.measure.gradients import GradientFlow
from reslint.measure.kept import Kept
from reslint.measure.latency import Latency, Placement, Sweep
from reslint.measure.scaling import Scaling
from reslint.measure.sensitivity import Sensitivity
from reslint.measure.signal import Signal
from reslint.measure.training import Curvature, Initialization, LearningRate, LeftOut

Measurement = (
    Fed
    | Signal
    | Agreement
    | Sensitivity
    | Ablation
    | Placement
    | Latency
    | Kept
    | Sweep
    | GradientFlow
    | Initialization
    | Curvature
    | LearningRate
    | Scaling
    | LeftOut
)


def worst(measured: Iterable[Measurement]) -> Iterator[Measurement]:
    """What was measured; of what each output was compared with over several inputs only where it is farthest from it."""
    measured = tuple(measured)
    farthest: dict[tuple[type[Agreement], str, str], Difference] = {}
    for agreement in (one for one in measured if isinstance(one, Agreement)):
        for d in agreement.differences:
            key = type(agreement), agreement.against, d.output
            farthest[key] = max(farthest.get(key, d), d, key=_distance)
    noises = dict(_noises(measured))
    for one in measured:
        if not isinstance(one, Agreement):
            yield one
            continue
        kept = tuple(d for d in one.differences if farthest[type(one), one.against, d.output] is d)
        if kept:
            yield replace(one, differences=kept, blocks=noises.pop((type(one), one.against), ()))


def _noises(measured: Iterable[Measurement]) -> Iterator[tuple[tuple[type[Agreement], str], tuple[Noise, ...]]]:
    """Of each comparison the noise of each block on the input on which it is loudest."""
    found: dict[tuple[type[Agreement], str], list[tuple[Noise, ...]]] = {}
    for one in measured:
        if isinstance(one, Agreement) and one.blocks:
            found.setdefault((type(one), one.against), []).append(one.blocks)
    for key, several in found.items():
        yield key, tuple(_loudest(same) for same in zip(*several, strict=False))


def _loudest(same: Sequence[Noise]) -> Noise:
    snr = [n.snr for n in same if n.snr is not None]
    own = [n.own for n in same if n.own is not None]
    return Noise(same[0].block, min(snr, default=None), min(own, default=None), min(n.above for n in same))


def _distance(d: Difference) -> tuple[bool, float]:
    return not d.agrees, d.absolute if d.relative is None else d.relative
