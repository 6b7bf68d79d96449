"""Outputs that differ in, drafts out: what the rules on agreement share."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Severity
from reslint.measure import Agreement, Difference
from reslint.rules.rule import Draft


def apart(agreement: Agreement, says: str, help: str, severe: float | None = None) -> Iterator[Draft]:
    """A draft at each output that disagrees; one `severe` times beyond the tolerance is an error, else a warning."""
    net = agreement.anatomy.net
    for d in agreement.differences:
        op = net.producer.get(net.canonical(d.output))
        if d.agrees or op is None:
            continue
        far = d.absolute if d.relative is None else d.relative
        yield Draft(
            op,
            net,
            f"the output {d.output} {says}: {_far(d)}, tolerance {d.tolerance:g}",
            help,
            {
                "against": agreement.against,
                "relative": _number(d.relative),
                "absolute": _number(d.absolute),
                "tolerance": d.tolerance,
                "worst": list(d.worst),
                "cosine": _number(d.cosine),
                "snr_db": _number(d.snr),
                "parts_at": agreement.parts.merge.id if agreement.parts is not None else None,
            },
            lines=tuple(_lines(agreement, d)),
            severity=None if severe is None else Severity.ERROR if far > severe * d.tolerance else Severity.WARNING,
        )


def _far(d: Difference) -> str:
    if not d.worst and d.got != d.got:
        return "another shape"
    if d.relative is None:
        return f"{d.absolute:.2g} beside a reference of zeros"
    return f"{d.relative:.2g} of its largest value"


def _number(value: float | None) -> float | str | None:
    """A number that JSON has; infinity and NaN as words."""
    return value if value is None or abs(value) < float("inf") else str(value)


def _lines(agreement: Agreement, d: Difference) -> Iterator[tuple[str, str]]:
    if d.worst:
        yield "worst", f"{d.got:.6g} instead of {d.wanted:.6g} at {list(d.worst)}"
    if d.cosine is not None:
        noise = f", signal to noise {d.snr:.0f} dB" if d.snr is not None else ""
        yield "whole", f"1 - cosine {1 - d.cosine:.1g}{noise}"
    if agreement.parts is not None:
        yield "parts at", f"block {agreement.parts.merge.id}"
