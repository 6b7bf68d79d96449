"""A model that ran in, how sensitive its outputs are to each of its streams out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from reslint.errors import RunFailed
from reslint.measure import Felt, Sensitivity
from reslint.net.values import Array
from reslint.runtime.agreement.checks import Known
from reslint.runtime.launch.process import launch, told
from reslint.runtime.model.perturbed import shaken
from reslint.runtime.model.runnable import is_half, plan, widened
from reslint.runtime.model.taps import PREFIX
from reslint.runtime.protocol.job import Shaking
from reslint.runtime.request import Wanted

_DIRECTIONS = 4
_STEP = 0.01  # of a stream's own size: far above rounding, and central differences leave no second order


def sensitivity(known: Known, wanted: Wanted) -> Iterator[Sensitivity]:
    """Shake each stream on the first input."""
    if not wanted.sensitivity:
        return
    model = widened(known.model, known.anatomy.net) if is_half(known.model.proto) else known.model
    proto, held, handles = shaken(model.proto, known.found)
    if not held or all(output.name.startswith(PREFIX) for output in proto.graph.output):
        yield Sensitivity(known.anatomy, (), _DIRECTIONS, wanted.seed, wanted.ablate, len(known.found))
        return
    shaking = Shaking(handles, _DIRECTIONS, wanted.seed, _STEP, wanted.ablate)
    one = replace(
        plan("the model with its streams shaken", replace(model, proto=proto), provider=known.home), shaking=shaking
    )
    answer = launch((one,), ((known.feeds[0],),), known.limits)
    if answer.error:
        raise RunFailed(f"fails: {told(answer.error)}")
    found = answer.ran[0][0].outputs[0]
    columns = [_column(found, name, len(held)) for name in ("gain", "gradient", "cut_gain", "cut_gradient", "alone")]
    felt = tuple(Felt(s.block, *values) for s, *values in zip(held, *columns, strict=True))
    yield Sensitivity(known.anatomy, felt, _DIRECTIONS, wanted.seed, wanted.ablate, len(known.found) - len(held))


def _column(found: Mapping[str, Array], name: str, length: int) -> list[float | None]:
    """A column of numbers; gradients over that of the last block."""
    values: list[float] = found[name].tolist() if name in found else [math.nan] * length
    last = values[-1] if "gradient" in name else 1.0
    return [value / last if math.isfinite(value) and last and math.isfinite(last) else None for value in values]
