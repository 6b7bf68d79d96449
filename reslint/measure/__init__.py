"""What a run of a model measured: plain frozen values that `runtime` and `export` make and rules judge."""

from __future__ import annotations

from reslint.measure.agreement import (
    SAVED,
    Agreement,
    Beyond,
    Difference,
    Narrowed,
    Optimized,
    Provided,
    Referred,
    Repeated,
)
from reslint.measure.gradients import GradientFlow, Passage, Reach, Spread, geometric
from reslint.measure.latency import Latency, Placement, Ratio, Share
from reslint.measure.measurement import Measurement, worst
from reslint.measure.parameters import Parameters, Unread
from reslint.measure.sensitivity import Felt, Sensitivity
from reslint.measure.signal import Exit, Nonfinite, Overflowed, Range, Signal, Squared, Tap

__all__ = [
    "SAVED",
    "Agreement",
    "Beyond",
    "Difference",
    "Exit",
    "Felt",
    "GradientFlow",
    "Latency",
    "Measurement",
    "Narrowed",
    "Nonfinite",
    "Optimized",
    "Overflowed",
    "Parameters",
    "Passage",
    "Placement",
    "Provided",
    "Range",
    "Ratio",
    "Reach",
    "Referred",
    "Repeated",
    "Sensitivity",
    "Share",
    "Signal",
    "Spread",
    "Squared",
    "Tap",
    "Unread",
    "geometric",
    "worst",
]
