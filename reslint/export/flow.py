"""`measured` measures how a PyTorch module would begin to train: its gradient first, and what else there is time for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.export.blame import blamed
from reslint.export.curvature import curvature
from reslint.export.gradients import gradients
from reslint.export.initialization import initialization
from reslint.export.learning import learning
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
    """What is to be measured: for which seeds, which measures ("" for all), and within how many seconds."""

    seeds: Sequence[int]
    only: Sequence[str] = ()
    seconds: float = 60.0


def measured(spec: Spec, asked: Asked, say: Callable[[str], None]) -> tuple[Measurement, ...]:
    """All measures that there is time for, and for each of the others a LeftOut that says why."""
    end = time.monotonic() + asked.seconds
    say("exporting")
    made = prepared(spec, asked.seeds)
    return tuple(_measured(made, asked, lambda: time.monotonic() > end, say))


def _measured(made: Prepared, asked: Asked, over: Over, say: Callable[[str], None]) -> Iterator[Measurement]:
    wanted = {_PART_OF.get(name, name) for name in asked.only}
    for name, measure in MEASURES.items():
        if wanted and name not in wanted:
            continue
        say(name.replace("_", " "))
        with blamed(f"its {name.replace('_', ' ')} can't be measured"):
            found = None if over() and name != "gradient" else measure(made, over)
        yield found or LeftOut(made.anatomy, name, f"the budget of {asked.seconds:g} s was spent; see --budget")
