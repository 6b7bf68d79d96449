"""Net in, its data-carrying tensors as numbers in topological order out: what every walk in this package walks on."""

from __future__ import annotations

from dataclasses import dataclass

from reslint.anatomy.norms import NormRun, find_norms
from reslint.net import Net, Op


@dataclass(frozen=True, eq=False)
class Flow:
    """The tensors of a net that depend on its inputs' values, numbered so that a tensor comes after all it is made of.

    `ops` is the producer of each (None for an input of the net), `preds` what it is made of. A node is a tensor and not an
    op because the outputs of a Split are different things. `norms` are normalizations by the tensor that leaves them.
    """

    net: Net
    names: tuple[str, ...]
    ops: tuple[Op | None, ...]
    preds: tuple[tuple[int, ...], ...]
    index: dict[str, int]
    norms: dict[str, NormRun]

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

    def add(name: str, op: Op | None, made_of: tuple[int, ...]) -> None:
        index[name] = len(names)
        names.append(name)
        ops.append(op)
        preds.append(made_of)

    for name in net.inputs:
        if name not in index and net.is_data(name):
            add(name, None, ())
    for op in net.live:
        made_of = []
        for name in dict.fromkeys((*op.inputs, *op.captured)):
            if not net.is_data(name):
                continue
            if name not in index:
                add(name, None, ())  # captured from the graph around a body
            made_of.append(index[name])
        for output in op.outputs:
            if output and output not in index:
                add(output, op, tuple(made_of))
    return Flow(net, tuple(names), tuple(ops), tuple(preds), index, find_norms(net))
