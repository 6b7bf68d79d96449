"""Normalizations in, findings out for those whose epsilon is zero, or becomes zero in the type that it is added in."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import TensorProto

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.norms import NormRun
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.net.weights import scalar
from reslint.rules.rule import Draft, Settings, rule

_LEAST: dict[int, float] = {TensorProto.FLOAT16: 5.96e-8, TensorProto.FLOAT: 1.4e-45, TensorProto.BFLOAT16: 9.1e-41}
"""The smallest number above zero of a type."""

_STASHED = frozenset({"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "GroupNormalization"})
_DEFAULT = {"RMSNormalization": 1e-5, "SimplifiedLayerNormalization": 1e-5}
_TYPES = frozenset(TensorProto.DataType.values())


@rule("unsafe-epsilon", "norm", Severity.WARNING, Confidence.PROVEN)
def unsafe_epsilon(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The epsilon of a normalization is zero, or vanishes in the type it is used in."""
    for flow in anatomy.flows:
        net = flow.net
        unsafe: dict[tuple[float, int], list[Op]] = {}
        for run in flow.norms.values():
            for epsilon, kind in epsilons(net, run):
                if kind in _TYPES and (epsilon < _LEAST.get(kind, 0) or epsilon == 0):
                    unsafe.setdefault((epsilon, kind), []).append(run.op)
        for (epsilon, kind), ops in unsafe.items():
            called = TensorProto.DataType.Name(TensorProto.DataType.ValueType(kind)).lower()
            what = "is zero" if not epsilon else f"of {epsilon:.3g} is zero as {called}"
            yield Draft(
                ops[0],
                net,
                f"the epsilon of {len(ops)} normalization{'s' if len(ops) > 1 else ''} {what}: "
                "an input without variance gives infinity or NaN",
                "use an epsilon that the type can hold (1e-5), or compute the normalization in float32",
                {"epsilon": epsilon, "type": called, "least": _LEAST.get(kind, 0), "count": len(ops)},
                related=tuple(ops[1:]),
            )


def epsilons(net: Net, run: NormRun) -> Iterator[tuple[float, int]]:
    """The epsilons of a normalization, each with the type in which it is added; none where it has none or it is unknown."""
    kind = net.value(run.source).type
    if not run.decomposed:
        if run.op.type in _STASHED:
            kind = run.op.integer("stash_type", TensorProto.FLOAT)
        if run.op.attribute("epsilon") is not None or _has_epsilon(run.op):
            yield run.op.number("epsilon", _DEFAULT.get(run.op.type, 1e-5)), kind
        return
    for op in run.ops:
        at = {"Add": 0, "Max": 0, "Clip": 1}.get(op.type)
        for name in op.inputs[at : 2 if op.type == "Clip" else None] if at is not None else ():
            found = scalar(net, name) if name and net.is_constant(name) else None
            if found is not None and abs(found) < 1:
                yield found, net.value(name).type or kind


def _has_epsilon(op: Op) -> bool:
    known = not op.domain and onnx.defs.has(op.type)
    return known and "epsilon" in onnx.defs.get_schema(op.type).attributes
