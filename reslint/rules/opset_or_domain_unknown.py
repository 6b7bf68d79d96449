"""Ops in, findings out for those that reslint knows nothing of."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import defs

from reslint.anatomy import Anatomy
from reslint.anatomy.ops import KNOWN
from reslint.finding import Confidence, Severity
from reslint.net import Op, opset
from reslint.rules.rule import Draft, Settings, rule


@rule("opset-or-domain-unknown", "file", Severity.NOTE, Confidence.PROVEN)
def opset_or_domain_unknown(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """An op's domain or opset is unknown, so that what follows it was not analysed."""
    net = anatomy.net
    newest = onnx.defs.onnx_opset_version()
    if opset(net) > newest and net.ops:
        text = f"the model uses opset {opset(net)}; the newest one known here is {newest}"
        advice = "update the onnx package, or export with an older opset"
        yield Draft(net.ops[0], net, text, advice, {"opset": opset(net), "newest": newest})
    for inner in net.nets():
        unknown: dict[str, list[Op]] = {}
        for op in inner.ops:
            if op.type not in KNOWN and not defs.has(op.type, domain=op.domain):
                unknown.setdefault(op.domain, []).append(op)
        for domain, ops in unknown.items():
            kinds = sorted({op.type for op in ops})
            yield Draft(
                ops[0],
                inner,
                f"{', '.join(kinds)} of the domain {domain or 'ai.onnx'} "
                f"{'are' if len(kinds) > 1 else 'is'} unknown here: what depends on it was judged by structure alone",
                "declare the shapes of its outputs in value_info, so that what follows can be analysed",
                {"domain": domain, "ops": kinds, "count": len(ops)},
                related=tuple(ops[1:]),
            )
