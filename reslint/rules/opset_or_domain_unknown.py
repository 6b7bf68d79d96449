"""Ops in, findings out for those that reslint knows nothing of."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import defs

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.ops import is_known
from reslint.finding import Confidence, Severity
from reslint.net import Op, opset
from reslint.net.values import Clash
from reslint.rules.rule import Draft, Settings, rule


@rule("opset-or-domain-unknown", "file", Severity.NOTE, Confidence.PROVEN)
def opset_or_domain_unknown(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """An op's domain or opset is unknown, so what follows it was not analyzed."""
    net = anatomy.net
    newest = onnx.defs.onnx_opset_version()
    if opset(net) > newest and net.ops:
        text = f"the model uses opset {opset(net)}; the newest that is known is {newest}"
        advice = "update the onnx package, or export with an older opset"
        yield Draft(net.ops[0], net, text, advice, {"opset": opset(net), "newest": newest})
    for inner in net.nets():
        unknown: dict[tuple[str, Clash | None], list[Op]] = {}
        for op in inner.ops:
            if not is_known(op) and not defs.has(op.type, domain=op.domain):
                unknown.setdefault((op.domain, net.clashes.get(op.kind)), []).append(op)
        for (domain, clash), ops in unknown.items():
            kinds = sorted({op.type for op in ops})
            named = (
                ", ".join(kind or "an op without a type" for kind in kinds) + f" of the domain {domain or 'ai.onnx'}"
            )
            evidence: dict[str, object] = {"domain": domain, "ops": kinds, "count": len(ops)}
            if clash is None:
                says = f"{named} {'are' if len(kinds) > 1 else 'is'} unknown"
                advice = "declare the shapes of its outputs in value_info, so that what follows can be analyzed"
            else:
                says = (
                    f"{named} {'are functions' if len(kinds) > 1 else 'is a function'} with opset {clash.theirs} of "
                    f"{clash.domain or 'ai.onnx'} in a model with {clash.ours}; it was not inlined, since its ops may "
                    "mean something else there"
                )
                advice = "export the model and its functions with the same opset"
                evidence |= {"function_opset": clash.theirs, "opset": clash.ours}
            yield Draft(
                ops[0],
                inner,
                f"{says}: what depends on it was judged by its structure alone",
                advice,
                evidence,
                related=tuple(ops[1:]),
            )
