"""`measured` measures how a PyTorch module would begin to train: its gradient first, and what else there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reslint.export.blame import blamed
from reslint.export.curvature import curvature
from reslint.export.data import Data
from reslint.export.gradients import gradients
from reslint.export.initialization import initialization
from reslint.export.learning import learning
from reslint.export.scaling import scaling
from reslint.export.spec import Spec
from reslint.export.start import Over, Prepared, prepared
from reslint.measure import LeftOut, Measurement

Measure = Callable[[Prepared, Over], Measurement | None]

MEASURES: Mapping[str, Measure] = {
    "gradient": lambda made, over: gradients(made),
    "initialization": initialization,
    "curvature": curvature,
    "learning_rate": learning,
}
"""What is measured, in this order: what takes longest comes last. Convergence is seen in the runs at several rates."""

NAMES = ("gradient", "initialization", "curvature", "learning_rate", "convergence", "scaling")
"""What can be asked for."""

_PART_OF = {"convergence": "learning_rate"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured: for which seeds, which measures (none for all), and within how many seconds.

    `scale` are values of the factory's keywords, at which the module is built as well; `data` are batches and a loss.
    """

    seeds: Sequence[int]
    only: Sequence[str] = ()
    seconds: float = 60.0
    scale: Mapping[str, Sequence[float]] = field(default_factory=dict)
    data: Data = field(default_factory=Data)


def measured(spec: Spec, asked: Asked, say: Callable[[str], None]) -> tuple[Measurement, ...]:
    """All measures that there is time for, and for each of the others a LeftOut that says why."""
    end = time.monotonic() + asked.seconds
    say("exporting")
    made = prepared(spec, asked.seeds, asked.data)
    return tuple(_measured(spec, made, asked, lambda: time.monotonic() > end, say))


def _measured(
    spec: Spec, made: Prepared, asked: Asked, over: Over, say: Callable[[str], None]
) -> Iterator[Measurement]:
    wanted = {_PART_OF.get(name, name) for name in asked.only}
    measures = dict(MEASURES)
    if asked.scale:  # before the rates, which take what time is left
        rates = measures.pop("learning_rate")
        measures["scaling"] = lambda made, over: scaling(spec, made.seeds, asked.scale, over, asked.data)
        measures["learning_rate"] = rates
    for name, measure in measures.items():
        if wanted and name not in wanted:
            continue
        say(name.replace("_", " "))
        with blamed(f"its {name.replace('_', ' ')} can't be measured"):
            found = None if over() and name != "gradient" else measure(made, over)
        yield found or LeftOut(made.anatomy, name, f"the budget of {asked.seconds:g} s was spent; see --budget")
