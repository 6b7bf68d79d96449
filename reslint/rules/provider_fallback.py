"""Where nodes ran in, those that left the provider asked for out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Placement
from reslint.rules.rule import Draft, Settings, rule

_MUCH, _SOME = 0.1, 0.01  # of the time


@rule("provider-fallback", "latency", Severity.ERROR, Confidence.PROVEN)
def provider_fallback(placement: Placement, settings: Settings) -> Iterator[Draft]:
    """Nodes run on a provider other than the requested one."""
    if not placement.elsewhere:
        return
    ops = [op for op, _ in placement.elsewhere]
    kinds = sorted({op.kind for op in ops})
    others = sorted({other for _, other in placement.elsewhere})
    took = f", {placement.share:.1%} of the time" if placement.share is not None else ""
    yield Draft(
        ops[0],
        placement.anatomy.net,
        f"{len(ops)} nodes run on {', '.join(others)} instead of {placement.provider}: {', '.join(kinds[:4])}{took}",
        "each change of provider copies tensors; replace these ops, or use a newer ONNX Runtime",
        {
            "provider": placement.provider,
            "others": others,
            "nodes": len(ops),
            "types": kinds,
            "share": placement.share,
            "copies": placement.copies,
            "parts": dict(placement.parts),
        },
        lines=tuple(_lines(placement)),
        related=tuple(ops[1:]),
        severity=_severity(placement.share),
    )


def _lines(placement: Placement) -> Iterator[tuple[str, str]]:
    if placement.parts:
        many = ", ".join(f"{count} on {where}" for where, count in placement.parts.items())
        yield "parts", f"{many}; {placement.copies} copies between devices"


def _severity(share: float | None) -> Severity:
    """By the share of the time that is lost; an error where nobody knows."""
    if share is None or share >= _MUCH:
        return Severity.ERROR
    return Severity.WARNING if share >= _SOME else Severity.NOTE
