"""Net in, its data-carrying tensors as numbers in topological order out: what every walk in this package walks on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from reslint.anatomy.facts import NORM, facts_of
from reslint.anatomy.norms import NormRun, find_norms
from reslint.anatomy.ops import SKIP_NORMS
from reslint.net import Net, Op

if TYPE_CHECKING:
    from reslint.anatomy.path import Step

_ADDED = {"Gemm": 2, "FusedConv": 3}
_PRODUCT = "\0product"  # the unnamed tensor inside a fused op; no tensor's name holds this character


@dataclass(frozen=True, eq=False)
class Flow:
    """The tensors of a net that depend on its inputs' values, numbered so that a tensor comes after all it is made of.

    `ops` is the producer of each (None for an input of the net), `preds` what it is made of. A node is a tensor and not an
    op because the outputs of a Split are different things, and fused ops are taken apart: a convolution that adds a tensor to
    its product has two nodes. `norms` are normalizations by the tensor that leaves them, `does` the bits of what each op does
    (reslint.anatomy.facts).
    """

    net: Net
    names: tuple[str, ...]
    ops: tuple[Op | None, ...]
    preds: tuple[tuple[int, ...], ...]
    index: dict[str, int]
    norms: dict[str, NormRun]
    does: tuple[int, ...]

    @cached_property
    def steps(self) -> dict[int, Step | None]:
        """The steps back that were taken so far, by the node where they start (reslint.anatomy.path)."""
        return {}

    @cached_property
    def normed(self) -> frozenset[str]:
        """The tensors that a normalization reads."""
        return frozenset(run.source for run in self.norms.values())

    @cached_property
    def attends(self) -> bool:
        """Whether there is a softmax at all."""
        return any(op is not None and op.type in ("Softmax", "LogSoftmax") for op in self.ops)

    @cached_property
    def norm_behind(self) -> dict[str, NormRun]:
        """The normalization that reads a tensor; the last one where there are several."""
        return {run.source: run for run in self.norms.values()}

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
    numbers = _Numbers({}, [], [], [])
    norms = find_norms(net)
    sums: set[int] = set()  # where a fused op adds: its layer is the node before
    for name in net.data_among(net.inputs):
        numbers.of(name)
    for op in net.live:
        made_of = [numbers.of(name) for name in dict.fromkeys(net.data_among(op.inputs + op.captured))]
        added = fused_sum(op)
        apart = bool(added) or op.type in SKIP_NORMS
        if op.type in SKIP_NORMS:
            made_of = [_skip_norm(op, made_of, numbers, norms)]
        elif added and len(made_of) > 1 and net.is_data(added):
            rest = [n for n in made_of if numbers.names[n] != added] or made_of
            made_of = [numbers.add(op.id + _PRODUCT, op, rest), numbers.of(added)]
        for output in op.outputs:
            if output and output not in numbers.index:
                node = numbers.add(output, op, made_of)
                if apart and op.id + _PRODUCT in numbers.index:
                    sums.add(node)
    facts = {op.id: facts_of(net, op, norms) for op in net.live}
    return Flow(
        net,
        tuple(numbers.names),
        tuple(numbers.ops),
        tuple(numbers.preds),
        numbers.index,
        norms,
        tuple(
            0 if op is None or n in sums else facts[op.id] if name == op.id else facts[op.id] & ~NORM
            for n, (name, op) in enumerate(zip(numbers.names, numbers.ops, strict=True))
        ),
    )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The nodes of a flow as they are numbered."""

    index: dict[str, int]
    names: list[str]
    ops: list[Op | None]
    preds: list[tuple[int, ...]]

    def add(self, name: str, op: Op | None, made_of: Sequence[int]) -> int:
        """The number of a new node."""
        self.index[name] = len(self.names)
        self.names.append(name)
        self.ops.append(op)
        self.preds.append(tuple(made_of))
        return self.index[name]

    def of(self, name: str) -> int:
        """The number of a tensor; one that nothing made yet comes in from outside."""
        known = self.index.get(name)
        return self.add(name, None, ()) if known is None else known


def fused_sum(op: Op) -> str:
    """The tensor that a fused op adds to its product: a Gemm's C, FusedConv's Z, the fourth input of an NCHWc convolution."""
    at = _ADDED.get(op.type)
    if op.type == "Conv":
        at = 3 if op.domain == "com.microsoft.nchwc" else None
    return op.inputs[at] if at is not None and len(op.inputs) > at else ""


def _skip_norm(op: Op, made_of: Sequence[int], numbers: _Numbers, norms: dict[str, NormRun]) -> int:
    """Put the sum of a fused add-and-normalize before its normalized output, as if they were two ops."""
    at = 1 if op.type == "SkipGroupNorm" else 3
    total = op.outputs[at] if len(op.outputs) > at and op.outputs[at] else op.id + _PRODUCT
    norms[op.id] = NormRun(total, op, (op,), op.type)
    return numbers.add(total, op, made_of)
