"""Net in, its data-carrying tensors as numbers in topological order out: what every walk in this package walks on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reslint.anatomy.graph.norms import NormRun, find_norms
from reslint.anatomy.graph.ops import SKIP_NORMS, fused_sum
from reslint.anatomy.graph.steps import Step, Steps, mixed
from reslint.anatomy.graph.traits import NORM, traits_of
from reslint.net import Net, Op

_PRODUCT = "\0product"  # the unnamed tensor inside a fused op; no tensor's name holds this character


@dataclass(frozen=True, eq=False)
class Dataflow:
    """The tensors of a net that depend on its inputs' values, numbered so that a tensor comes after all it is made of.

    `ops` is the producer of each (None for an input of the net), `preds` what it is made of. A node is a tensor and not an
    op because the outputs of a Split are different things, and fused ops are taken apart: a convolution that adds a tensor to
    its product has two nodes. `norms` are normalizations by the tensor that leaves them, `traits` the bits of what each op does
    (reslint.anatomy.graph.traits).
    """

    net: Net
    names: tuple[str, ...]
    ops: tuple[Op | None, ...]
    preds: tuple[tuple[int, ...], ...]
    index: Mapping[str, int]
    norms: Mapping[str, NormRun]
    traits: tuple[int, ...]

    @cached_property
    def steps(self) -> Steps:
        """The step back from each node, where there is one."""
        return Steps(self.net, self.names, self.ops, self.preds, self.index, self.norms, self.traits)

    @cached_property
    def depths(self) -> list[int]:
        """The nodes on the longest way to each from an input: an order in time that does not hang on the order in the file."""
        found: list[int] = []
        for made_of in self.preds:
            found.append(1 + max([found[p] for p in made_of], default=0))
        return found

    def by_age(self, nodes: Iterable[int]) -> list[int]:
        """Nodes, what was made first first; those of one depth stay as they are given."""
        return sorted(nodes, key=self.depths.__getitem__)

    def step_back(self, node: int) -> Step | None:
        """The step that made a node of one other data tensor; None where two streams meet, or the op is unknown."""
        return self.steps[node]

    def is_mixture(self, node: int) -> bool:
        """Whether a tensor mixes a few parallel streams with weights that are computed (hyper-connections)."""
        op = self.ops[node]
        return op is not None and bool(mixed(self.net, op))

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


def dataflow_of(net: Net) -> Dataflow:
    """Number the data tensors of a net. Captured tensors of an outer graph count as inputs."""
    numbers = _Numbers({}, [], [], [], [])
    norms = find_norms(net)
    for name in net.data_among(net.inputs):
        numbers.of(name)
    for op in net.live:
        names = (*op.data, *net.data_among(op.captured)) if op.captured else op.data
        made_of = tuple([numbers.of(name) for name in dict.fromkeys(names)])
        added = fused_sum(op)
        total = _total(op)
        if total:
            norms[op.id] = NormRun(total, op, (op,), op.type)
        traits = traits_of(net, op, norms)
        inside = traits & ~NORM  # what the tensors that are not normalized themselves have behind them
        if total:
            made_of = (numbers.add(total, op, made_of, inside),)
        elif added and len(made_of) > 1 and net.is_data(added):
            rest = tuple([n for n in made_of if numbers.names[n] != added]) or made_of
            made_of = (numbers.add(op.id + _PRODUCT, op, rest, inside), numbers.of(added))
        apart = (total or added) and op.id + _PRODUCT in numbers.index  # then all is done in the node before
        for output in op.outputs:
            if output and output not in numbers.index:
                numbers.add(output, op, made_of, 0 if apart else traits if output == op.id else inside)
    return Dataflow(
        net,
        tuple(numbers.names),
        tuple(numbers.ops),
        tuple(numbers.preds),
        numbers.index,
        norms,
        tuple(numbers.traits),
    )


@dataclass(slots=True)
class _Numbers:
    """The nodes of a flow, which fill as they are numbered."""

    index: dict[str, int]
    names: list[str]
    ops: list[Op | None]
    preds: list[tuple[int, ...]]
    traits: list[int]

    def add(self, name: str, op: Op | None, made_of: tuple[int, ...], traits: int) -> int:
        """The number of a new node."""
        self.index[name] = number = len(self.names)
        self.names.append(name)
        self.ops.append(op)
        self.preds.append(made_of)
        self.traits.append(traits)
        return number

    def of(self, name: str) -> int:
        """The number of a tensor; one that nothing made yet comes in from outside."""
        known = self.index.get(name)
        return self.add(name, None, (), 0) if known is None else known


def _total(op: Op) -> str:
    """The sum inside a fused add-and-normalize, which is normalized as if by an op of its own; empty for other ops."""
    if op.type not in SKIP_NORMS:
        return ""
    at = 1 if op.type == "SkipGroupNorm" else 3
    return op.outputs[at] if len(op.outputs) > at and op.outputs[at] else op.id + _PRODUCT
