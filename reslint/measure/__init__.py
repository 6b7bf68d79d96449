"""What a run of a model measured: plain frozen values that `runtime` and `export` make and rules judge."""

from __future__ import annotations

from reslint.measure.ablation import IDLE, Ablated, Ablation
from reslint.measure.agreement import (
    SAVED,
    Agreement,
    Beyond,
    Difference,
    Fault,
    Narrowed,
    Noise,
    Optimized,
    Provided,
    Referred,
    Repeated,
)
from reslint.measure.fed import Fed, Given
from reslint.measure.gradients import VANISHED, GradientFlow, Layer, Passage, Reach, Spread, geometric
from reslint.measure.kept import Kept
from reslint.measure.latency import Latency, Placement, Ratio, Share, Start, Step, Sweep
from reslint.measure.measurement import Measurement, worst
from reslint.measure.parameters import Parameters, Unread
from reslint.measure.scaling import DRIFT, Scaling, Sizes, Trend
from reslint.measure.sensitivity import Felt, Sensitivity
from reslint.measure.signal import Exit, Nonfinite, Overflowed, Range, Signal, Squared, Tap, Weight
from reslint.measure.training import (
    CONVERGED,
    LEARNED,
    NARROW,
    SENSITIVE,
    UNDECIDED,
    Course,
    Curvature,
    Initialization,
    LearningRate,
    LeftOut,
    Rates,
    Response,
)

__all__ = [
    "CONVERGED",
    "DRIFT",
    "IDLE",
    "LEARNED",
    "NARROW",
    "SAVED",
    "SENSITIVE",
    "UNDECIDED",
    "VANISHED",
    "Ablated",
    "Ablation",
    "Agreement",
    "Beyond",
    "Course",
    "Curvature",
    "Difference",
    "Exit",
    "Fault",
    "Fed",
    "Felt",
    "Given",
    "GradientFlow",
    "Initialization",
    "Kept",
    "Latency",
    "Layer",
    "LearningRate",
    "LeftOut",
    "Measurement",
    "Narrowed",
    "Noise",
    "Nonfinite",
    "Optimized",
    "Overflowed",
    "Parameters",
    "Passage",
    "Placement",
    "Provided",
    "Range",
    "Rates",
    "Ratio",
    "Reach",
    "Referred",
    "Repeated",
    "Response",
    "Scaling",
    "Sensitivity",
    "Share",
    "Signal",
    "Sizes",
    "Spread",
    "Squared",
    "Start",
    "Step",
    "Sweep",
    "Tap",
    "Trend",
    "Unread",
    "Weight",
    "geometric",
    "worst",
]
