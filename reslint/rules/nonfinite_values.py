"""A measured signal in, the op that makes the first NaN or infinity out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.rules.rule import Draft, Settings, rule


@rule("nonfinite-values", "numerics", Severity.ERROR, Confidence.PROVEN)
def nonfinite_values(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """A tensor holds NaN or infinity."""
    found = signal.nonfinite
    yield from _in_weights(signal, found.constant if found is not None else "")
    if found is None:
        return
    held = f": its constant {found.constant} already holds it" if found.constant else ""
    yield Draft(
        found.op,
        found.net,
        f"{found.op.kind} {found.op.id} gives {found.what} for finite inputs{held}",
        f"correct {found.constant}" if found.constant else "keep its inputs in the range where the op is defined",
        {"what": found.what, "op": found.op.kind, "constant": found.constant, "reaches": found.reaches},
        lines=(("reaches", found.reaches),),
    )


def _in_weights(signal: Signal, known: str) -> Iterator[Draft]:
    """Weights that hold NaN or infinity, whether or not what was fed met them."""
    for weight in signal.weights:
        if (weight.nan or weight.infinite) and weight.name != known:
            what = "NaN" if weight.nan else "infinity"
            yield Draft(
                weight.op,
                signal.anatomy.net,
                f"the weight {weight.name} of {weight.op.kind} {weight.op.id} holds {what} "
                f"{weight.nan or weight.infinite} times",
                f"repair {weight.name}",
                {"what": what, "weight": weight.name, "nan": weight.nan, "infinite": weight.infinite},
            )
