"""Normalizations in, findings out for those that leave nothing of their input, or hold statistics that can't be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.describe.signature import label
from reslint.anatomy.graph.norms import NormRun
from reslint.anatomy.graph.ops import ACTIVATIONS, LAYOUT
from reslint.finding import Confidence, Severity
from reslint.net import Dim, Net, Op
from reslint.net.weights import array, integers
from reslint.rules._support.words import called, shown
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_SCALES = {"BatchNormalization": 1, "LayerNormalization": 1, "InstanceNormalization": 1, "RMSNormalization": 1}
_SCALES |= {"GroupNormalization": 1, "SimplifiedLayerNormalization": 1}


@rule("degenerate-normalization", "norm", Severity.WARNING, Confidence.PROVEN)
def degenerate_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A normalization covers one element, has an all-zero scale, or has invalid statistics."""
    yield from _over_tokens(anatomy)
    for flow in anatomy.flows:
        net = flow.net
        found: dict[tuple[str, str], list[Op]] = {}
        for run in flow.norms.values():
            for said in (*_single(net, run), *_weights(net, run.op)):
                found.setdefault(said, []).append(run.op)
            if settings.explain and _is_switched_off(net, run.op) and _ends_branch(net, run.op):
                yield Pass(run.op, net, "the scale is zero, but a merge follows: the block starts as the identity")
        for (what, advice), ops in found.items():
            yield Draft(
                ops[0],
                net,
                f"{ops[0].type} {what}" + (f", and {len(ops) - 1} more" if len(ops) > 1 else ""),
                advice,
                {"count": len(ops), "shape": list(net.shape(ops[0].inputs[0]) or ())},
                related=tuple(ops[1:]),
            )


def _over_tokens(anatomy: Anatomy) -> Iterator[Draft]:
    """Normalizations of attention's stream [batch, tokens, width] that average over the tokens as well."""
    attends = {b.stack for b in anatomy.blocks if label(b).startswith("attn")}
    flows = {id(flow.net): flow for flow in anatomy.flows}
    found: dict[str, tuple[Op, Block]] = {}
    for block in anatomy.blocks:
        norms = flows[id(block.net)].norms
        for op in (*block.branch, *block.net.consumers.get(block.end.id, ())) if block.stack in attends else ():
            run = norms.get(op.id)
            if run is not None and _covers_tokens(block.net, run):
                found.setdefault(op.id, (op, block))
    if found:
        op, block = next(iter(found.values()))
        shape = shown(block.net.shape(op.inputs[0]))
        yield Draft(
            op,
            block.net,
            f"{op.type}{called(op)} averages over axes 1 and 2 of {shape}: each token's scale depends on all other tokens"
            + (f", as in {len(found) - 1} more" if len(found) > 1 else ""),
            "normalize over the last axis only: F.layer_norm(x, x.shape[-1:]), nn.LayerNorm(width)",
            {"count": len(found), "axes": [1, 2], "shape": list(block.net.shape(op.inputs[0]) or ())},
            related=tuple(o for o, _ in list(found.values())[1:]),
            confidence=Confidence.LIKELY,
        )


def _covers_tokens(net: Net, run: NormRun) -> bool:
    """Whether a normalization of a tensor with three axes averages over the last two."""
    shape = net.shape(run.source)
    if shape is None or len(shape) != 3 or shape[1] == 1:
        return False
    if run.op.type in ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"):
        return run.op.integer("axis", -1) in (1, -2)
    reduce = next((o for o in run.ops if o.type.startswith("Reduce")), None) if run.decomposed else None
    axes = (
        reduce.integers("axes") or (integers(net, reduce.inputs[1]) if len(reduce.inputs) > 1 else ()) if reduce else ()
    )
    return {a % 3 for a in axes or ()} == {1, 2}


def _single(net: Net, run: NormRun) -> Iterator[tuple[str, str]]:
    dims = () if run.form == "L2" else _reduced(net, run)  # doubly stochastic matrices are scaled along axes of one
    if dims and all(d == 1 for d in dims):
        left = "its sign" if run.form == "RMS" or run.op.type.startswith(("RMS", "Simplified")) else "its bias"
        advice = "normalize over an axis that holds more than one element, or remove the normalization"
        yield f"normalizes over a single element, so only {left} remains", advice


def _reduced(net: Net, run: NormRun) -> Sequence[Dim]:
    """The extents of the axes that a normalization averages over, empty where they are unknown."""
    op = run.op
    reduce = next((o for o in run.ops if o.type.startswith("Reduce")), None) if run.decomposed else None
    shape = net.shape(reduce.inputs[0] if reduce is not None else run.source)
    if not shape:
        return ()
    if reduce is not None:
        axes = reduce.integers("axes") or (integers(net, reduce.inputs[1]) if len(reduce.inputs) > 1 else None)
        return [shape[a] for a in axes or () if -len(shape) <= a < len(shape)]
    if op.type in ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"):
        return shape[op.integer("axis", -1) :]
    if op.type == "InstanceNormalization":
        return shape[2:]
    if op.type == "GroupNormalization":
        groups = len(shape) > 1 and shape[1] == op.integer("num_groups", 0)
        return (*shape[2:], 1 if groups else None)
    return ()


def _weights(net: Net, op: Op) -> Iterator[tuple[str, str]]:
    if _is_switched_off(net, op) and not _ends_branch(net, op):
        yield "has an all-zero scale, so its output does not depend on its input", "check which weights were loaded"
    if op.type == "BatchNormalization" and len(op.inputs) > 4:
        mean, variance = (_numbers(net, op.inputs[at]) for at in (3, 4))
        if variance is not None and np.any(variance < 0):
            yield (
                f"has a negative running variance ({float(variance.min()):g})",
                "check which weights were loaded, or retrain",
            )
        if any(s is not None and not np.all(np.isfinite(s)) for s in (mean, variance)):
            yield "has running statistics that hold NaN or infinity", "check which weights were loaded, or retrain"


def _is_switched_off(net: Net, op: Op) -> bool:
    """Whether a normalization's scale is zero throughout."""
    at = _SCALES.get(op.type)
    scale = array(net, op.inputs[at]) if at is not None and len(op.inputs) > at else None
    return scale is not None and scale.size > 0 and not np.any(scale)


def _numbers(net: Net, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    found = array(net, name)
    return None if found is None or found.dtype.kind not in "fiu" or not found.size else found.astype(np.float64)


def _ends_branch(net: Net, op: Op) -> bool:
    """Whether a sum follows: a zero there starts a residual block as the identity (Goyal et al. 2017), or dead-branch tells."""
    after = net.consumers.get(op.id, ())
    while len(after) == 1 and after[0].type in ACTIVATIONS | LAYOUT:
        after = net.consumers.get(after[0].id, ())
    return any(o.type in ("Add", "Sum", "Mul") for o in after)
