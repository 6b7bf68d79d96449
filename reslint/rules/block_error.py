"""Two runs that were compared at each block in, blocks that lose far more than their neighbours out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Agreement, Fault, Noise
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule


@rule("block-error", "numerics", Severity.WARNING, Confidence.PROVEN)
def block_error(agreement: Agreement, settings: Settings) -> Iterator[Draft]:
    """One block loses far more signal-to-noise ratio than its neighbors."""
    noises = {noise.block.merge.id: noise for noise in agreement.blocks}
    for fault in agreement.faults:
        block = fault.block
        if agreement.parts is not None and agreement.parts.merge.id == block.merge.id:
            continue  # the finding on the outputs names it
        noise = noises[block.merge.id]
        yield Draft(
            block.merge,
            block.net,
            f"the block {block.merge.id}{called(block.merge)} {_says(fault, agreement.against)}",
            "check the scales, zero points and weights of this block, or keep it in float32",
            {
                "against": agreement.against,
                "own_db": _number(noise.own),
                "snr_db": _number(noise.snr),
                "has_db": fault.has,
                "neighbours_db": fault.others,
                "alone": fault.alone,
            },
            lines=tuple(_lines(noise)),
        )


def _says(fault: Fault, against: str) -> str:
    if not fault.alone:
        lost, others = -fault.has, -fault.others
        return f"loses {lost:.0f} dB of signal-to-noise ratio against {against}; its neighbors lose {others:.0f} dB"
    return (
        f"has a signal-to-noise ratio of {fault.has:.0f} dB against {against}; its neighbors have {fault.others:.0f} dB"
    )


def _lines(noise: Noise) -> Iterator[tuple[str, str]]:
    if noise.own is not None:
        yield "alone", f"{noise.own:.0f} dB when fed the reference's stream"
    if noise.snr is not None:
        yield "stream", f"{noise.snr:.0f} dB after the block"


def _number(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
