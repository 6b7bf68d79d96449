"""Net in, its data-carrying tensors as numbers in topological order out: what every walk in this package walks on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from reslint.anatomy.facts import NO_FACTS, Facts, facts_of
from reslint.anatomy.norms import NormRun, find_norms
from reslint.anatomy.ops import SKIP_NORMS
from reslint.net import Net, Op

Adder = Callable[[str, Op | None, tuple[int, ...]], int]

_PRODUCT = "\0product"  # the unnamed tensor inside a fused op; no tensor's name holds this character


@dataclass(frozen=True, eq=False)
class Flow:
    """The tensors of a net that depend on its inputs' values, numbered so that a tensor comes after all it is made of.

    `ops` is the producer of each (None for an input of the net), `preds` what it is made of. A node is a tensor and not an
    op because the outputs of a Split are different things, and fused ops are taken apart: a convolution that adds a tensor to
    its product has two nodes. `norms` are normalizations by the tensor that leaves them, `facts` what is known of each node's op.
    """

    net: Net
    names: tuple[str, ...]
    ops: tuple[Op | None, ...]
    preds: tuple[tuple[int, ...], ...]
    index: dict[str, int]
    norms: dict[str, NormRun]
    facts: tuple[Facts, ...]

    @cached_property
    def normed(self) -> frozenset[str]:
        """The tensors that a normalization reads."""
        return frozenset(run.source for run in self.norms.values())

    @cached_property
    def norm_ops(self) -> frozenset[str]:
        """The ops that normalizations are made of, by first output."""
        return frozenset(op.id for run in self.norms.values() for op in run.ops)

    def op(self, node: int) -> Op:
        """The producer of a tensor that is no input."""
        op = self.ops[node]
        if op is None:
            raise LookupError(self.names[node])
        return op


def flow_of(net: Net) -> Flow:
    """Number the data tensors of a net. Captured tensors of an outer graph count as inputs."""
    names: list[str] = []
    ops: list[Op | None] = []
    preds: list[tuple[int, ...]] = []
    index: dict[str, int] = {}

    def add(name: str, op: Op | None, made_of: tuple[int, ...]) -> int:
        index[name] = len(names)
        names.append(name)
        ops.append(op)
        preds.append(made_of)
        return index[name]

    for name in net.inputs:
        if name not in index and net.is_data(name):
            add(name, None, ())
    norms = find_norms(net)
    sums: set[int] = set()  # where a fused op adds: its layer is the node before
    for op in net.live:
        made_of: list[int] = []
        for name in dict.fromkeys((*op.inputs, *op.captured)):
            if not net.is_data(name):
                continue
            if name not in index:
                add(name, None, ())  # captured from the graph around a body
            made_of.append(index[name])
        if op.type in SKIP_NORMS:
            made_of = _skip_norm(op, made_of, add, norms)
        elif len(made_of) > 1 and fused_sum(op) in index:
            rest = tuple(n for n in made_of if names[n] != fused_sum(op)) or tuple(made_of)
            add(op.id + _PRODUCT, op, rest)
            made_of = [index[op.id + _PRODUCT], index[fused_sum(op)]]
        for output in op.outputs:
            if output and output not in index:
                node = add(output, op, tuple(made_of))
                if op.id + _PRODUCT in index:
                    sums.add(node)
    facts: dict[str, Facts] = {op.id: facts_of(net, op, norms) for op in net.live}
    return Flow(
        net,
        tuple(names),
        tuple(ops),
        tuple(preds),
        index,
        norms,
        tuple(NO_FACTS if op is None or n in sums else facts[op.id] for n, op in enumerate(ops)),
    )


def fused_sum(op: Op) -> str:
    """The tensor that a fused op adds to its product: a Gemm's C, FusedConv's Z, the fourth input of an NCHWc convolution."""
    at = {"Gemm": 2, "FusedConv": 3}.get(
        op.type, 3 if op.domain == "com.microsoft.nchwc" and op.type == "Conv" else None
    )
    return op.inputs[at] if at is not None and len(op.inputs) > at else ""


def _skip_norm(op: Op, made_of: list[int], add: Adder, norms: dict[str, NormRun]) -> list[int]:
    """Put the sum of a fused add-and-normalize before its normalized output, as if they were two ops."""
    at = 1 if op.type == "SkipGroupNorm" else 3
    total = op.outputs[at] if len(op.outputs) > at and op.outputs[at] else op.id + _PRODUCT
    node = add(total, op, tuple(made_of))
    norms[op.id] = NormRun(total, op, (op,), op.type)
    return [node]
