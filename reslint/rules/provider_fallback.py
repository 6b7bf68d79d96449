"""Where nodes ran in, those that left the provider asked for out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Placement
from reslint.rules.rule import Draft, Settings, rule


@rule("provider-fallback", "latency", Severity.ERROR, Confidence.PROVEN)
def provider_fallback(placement: Placement, settings: Settings) -> Iterator[Draft]:
    """Nodes run on a provider other than the requested one."""
    if not placement.elsewhere:
        return
    ops = [op for op, _ in placement.elsewhere]
    kinds = sorted({op.kind for op in ops})
    others = sorted({other for _, other in placement.elsewhere})
    yield Draft(
        ops[0],
        placement.anatomy.net,
        f"{len(ops)} nodes run on {', '.join(others)} instead of {placement.provider}: {', '.join(kinds[:4])}",
        "each change of provider copies tensors; replace these ops, or use a newer ONNX Runtime",
        {"provider": placement.provider, "others": others, "nodes": len(ops), "types": kinds},
        related=tuple(ops[1:]),
    )
