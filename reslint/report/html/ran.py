"""What was measured in, its charts out: the signal along the blocks and agreement; latency and gradients have modules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from reslint.anatomy.views.source import module_of
from reslint.measure import Agreement, Difference, GradientFlow, Latency, Measurement, Signal, Tap, worst
from reslint.net import Op
from reslint.report.common.plain import counted
from reslint.report.html.charts import (
    Chart,
    Level,
    Strip,
    Track,
    curve,
    growth,
    linear,
    logarithmic,
    places,
    up_ticks,
)
from reslint.report.html.flowed import flow_charts
from reslint.report.html.numbers import decade, measured
from reslint.report.html.timed import latency_charts
from reslint.report.run.text import decibels
from reslint.report.run.values import LARGEST

_NEAR = 100  # the peak is this near to half precision's end before the end is drawn
_EQUAL = 1e-9  # where what is equal stands on an axis that has no zero


def run_charts(measurements: Iterable[Measurement]) -> Iterator[Chart | Strip]:
    """A few charts for each kind of measurement."""
    found = tuple(measurements)
    for one in found:
        if isinstance(one, Signal) and one.taps:
            yield _stream(one)
            yield _branches(one)
        elif isinstance(one, GradientFlow):
            yield from flow_charts(one)
    yield from _agreement([one for one in found if isinstance(one, Agreement)])
    yield from (_noise(one) for one in worst(found) if isinstance(one, Agreement) and one.blocks)
    yield from latency_charts([one for one in found if isinstance(one, Latency)])


def _name(tap: Tap) -> str:
    return _called(tap.block.merge)


def _stream(signal: Signal) -> Chart:
    taps = signal.taps
    rms, peaks = [tap.merged.rms for tap in taps], [tap.merged.peak for tap in taps]
    ends = [LARGEST] if signal.half or max(peaks) * _NEAR > LARGEST else []
    scale = logarithmic((*rms, *peaks, *ends))
    by = growth(rms)
    factor = f"{by:.3g}" if by is not None else "1"
    grows = f", changing by a factor of {factor} from block to block" if factor != "1" else ""
    left_out = f" {counted(signal.untapped, 'block')} could not be tapped." if signal.untapped else ""
    return Chart(
        "Signal",
        f"The stream's root mean square goes from {measured(rms[0])} to {measured(rms[-1])}{grows}; "
        f"its peak is {measured(max(peaks))}.{left_out}",
        "block",
        "magnitude of the stream",
        ("block", "name", "shortcut", "branch", "stream", "peak", "cosine in to out"),
        tuple(_row(n, tap) for n, tap in enumerate(taps, 1)),
        places(1, len(taps)),
        up_ticks(scale, decade),
        lines=(curve("root mean square", "a", rms, scale), curve("peak", "b", peaks, scale)),
        levels=tuple(Level(round(100 - scale.at(end), 3), "largest half-precision number") for end in ends),
    )


def _row(number: int, tap: Tap) -> tuple[str, ...]:
    sides = (tap.shortcut.rms, tap.branch.rms, tap.merged.rms, tap.merged.peak)
    return (str(number), _name(tap), *map(measured, sides), measured(tap.cosine))


def _branches(signal: Signal) -> Chart:
    ratios = [tap.ratio for tap in signal.taps]
    scale = logarithmic((*ratios, 1.0))
    least = min(range(len(ratios)), key=ratios.__getitem__)
    return Chart(
        "Branch to stream",
        f"The ratio of each branch to its stream. Least: {measured(ratios[least])} at {_name(signal.taps[least])}.",
        "block",
        "branch over shortcut",
        ("block", "name", "branch over shortcut"),
        tuple((str(n), _name(tap), measured(tap.ratio)) for n, tap in enumerate(signal.taps, 1)),
        places(1, len(ratios)),
        up_ticks(scale, decade),
        lines=(curve("branch over shortcut", "a", ratios, scale),),
    )


def _agreement(agreements: Sequence[Agreement]) -> Iterator[Strip]:
    """Of each output and what it was compared with the worst, over all inputs."""
    farthest: dict[tuple[str, str], Difference] = {}
    for agreement in agreements:
        for d in agreement.differences:
            key = (d.output, agreement.against)
            farthest[key] = max(farthest.get(key, d), d, key=_far)
    if not farthest:
        return
    scale = logarithmic([*(max(_far(d), _EQUAL) for d in farthest.values()), *(d.tolerance for d in farthest.values())])
    differ = sum(not d.agrees for d in farthest.values())
    yield Strip(
        "Agreement",
        f"{differ} of {counted(len(farthest), 'comparison')} exceed the tolerance (the mark)."
        if differ
        else f"All of {counted(len(farthest), 'comparison')} are within the tolerance (the mark).",
        "largest difference, relative to the largest value",
        ("output", "against", "difference", "tolerance", "cosine", "agrees"),
        tuple(_compared(*key, d) for key, d in farthest.items()),
        tuple(scale.ticks_across(decade)),
        tuple(
            Track(
                f"{output}, {against}",
                (scale.at(max(_far(d), _EQUAL)),),
                "equal" if not d.absolute else measured(_far(d)),
                "" if d.agrees else "bad",
                mark=scale.at(d.tolerance),
            )
            for (output, against), d in farthest.items()
        ),
    )


def _noise(agreement: Agreement) -> Chart:
    """The signal-to-noise ratio along the blocks; where nothing differs the lines break."""
    snr, own = [n.snr for n in agreement.blocks], [n.own for n in agreement.blocks]
    known = [value for value in (*snr, *own) if value is not None and math.isfinite(value)]
    scale = linear(known)
    faults = ", ".join(_called(fault.block.merge) for fault in agreement.faults)
    told = f" Far below the others: {faults}." if faults else ""
    return Chart(
        f"Signal-to-noise ratio against {agreement.against}",
        f"The stream as it runs, and each block alone, fed with the reference's stream.{told}",
        "block",
        "dB",
        ("block", "name", "stream", "block alone"),
        tuple(
            (str(k), _called(n.block.merge), decibels(n.snr), decibels(n.own))
            for k, n in enumerate(agreement.blocks, 1)
        ),
        places(1, len(snr)),
        up_ticks(scale, lambda v: f"{v:g}"),
        lines=(curve("stream", "a", snr, scale), curve("block alone", "b", own, scale)),
    )


def _called(op: Op) -> str:
    return module_of(op) or op.name or op.id


def _compared(output: str, against: str, d: Difference) -> tuple[str, ...]:
    far = "equal" if not d.absolute else measured(_far(d))
    return output, against, far, measured(d.tolerance), measured(d.cosine), "yes" if d.agrees else "no"


def _far(d: Difference) -> float:
    return d.absolute if d.relative is None else d.relative
