"""Anatomy in, blocks that read the very same weights out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from onnx import TensorProto

from reslint.anatomy import Anatomy, Block, Kind, Stack
from reslint.anatomy.graph.ops import NORMS
from reslint.anatomy.views.siblings import weights_of
from reslint.anatomy.views.source import modules_of
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_ENOUGH = 3  # layers of which one norm serves two sublayers
_TIED = 5  # blocks with one set of weights


@rule("shared-weights", "shortcut", Severity.NOTE, Confidence.PROVEN)
def shared_weights(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Blocks that should differ read the very same weights."""
    severity = Severity.WARNING if settings.profile == "design" else None
    for stack in anatomy.stacks:
        yield from _tied(stack, severity)
    yield from _one_norm(anatomy, severity)


def _tied(stack: Stack, severity: Severity | None) -> Iterator[Draft]:
    """Stacks all of whose blocks apply one set of weights, or one for each sublayer (ALBERT, Universal Transformers)."""
    blocks = [b for b in stack.blocks if b.kind is not Kind.DENSE]
    read = [frozenset(name for name in weights_of(b.net, b.branch) if _is_matrix(b.net, name)) for b in blocks]
    counted = Counter(read)
    if not blocks or frozenset() in counted or min(counted.values()) < _TIED:
        return
    first = blocks[0]
    attends = any(op.type in ("Softmax", "Attention", "MultiHeadAttention") for b in blocks for op in b.branch)
    regular = attends and len(counted) > 1
    yield Draft(
        first.merge,
        first.net,
        f"the {len(blocks)} blocks of the stack{called(first.merge)} apply "
        + (f"{len(counted)} sets of weights in turn, as ALBERT's layers do" if regular else "one set of weights"),
        "nothing, if the layers are tied on purpose"
        if regular
        else "make a module for each block: `[Block() for _ in range(n)]`, not `n * [Block()]`",
        {"blocks": len(blocks), "sets": len(counted), "weights": sorted(read[0])[:4]},
        related=tuple(b.merge for b in blocks[1:]),
        severity=None if regular else severity,
    )


def _one_norm(anatomy: Anatomy, severity: Severity | None) -> Iterator[Draft]:
    """Norms whose weights serve both sublayers of a layer, in layer after layer."""
    for flow in anatomy.flows:
        blocks = [b for b in anatomy.blocks if b.net is flow.net]
        pairs = [pair for pair in _pairs(flow.net) if _are_neighbours(blocks, *pair)]
        if len(pairs) >= _ENOUGH:
            one, other = pairs[0]
            yield Draft(
                other,
                flow.net,
                f"{other.type} {other.id}{called(other)} reads the weights of {one.id} in the sublayer before, "
                f"and so it is in {len(pairs)} layers",
                "give each sublayer a norm of its own",
                {"weights": other.fixed[0], "first": one.id, "layers": len(pairs)},
                related=tuple(second for _, second in pairs[1:]),
                severity=severity,
            )


def _pairs(net: Net) -> Iterator[tuple[Op, Op]]:
    """Norms that read one scale, and that no third reads, or that are one module of PyTorch's.

    Exporters keep one of several initializers that hold the same, as all scales do before training.
    """
    found: dict[tuple[str, str | None], list[Op]] = {}
    for op in net.live:
        if op.type in NORMS and op.fixed:
            module = modules_of(op)
            found.setdefault((op.fixed[0], module[-1][0] if module else None), []).append(op)
    yield from ((ops[0], ops[1]) for ops in found.values() if len(ops) == 2)


def _are_neighbours(blocks: list[Block], one: Op, other: Op) -> bool:
    """Whether one merge lies between two norms: they serve a sublayer and the next."""
    return sum(one.place < b.merge.place < other.place for b in blocks) == 1


def _is_matrix(net: Net, name: str) -> bool:
    held = net.constants.get(net.canonical(name))
    return isinstance(held, TensorProto) and len(held.dims) > 1
