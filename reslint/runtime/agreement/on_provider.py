"""A model on the provider that was asked for in, how far it is from the CPU, and where its nodes ran out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Agreement, Placement, Provided
from reslint.net import Op
from reslint.runtime.agreement.checks import Known
from reslint.runtime.model.marks import Marked
from reslint.runtime.protocol.job import Answer
from reslint.runtime.protocol.providers import CPU
from reslint.runtime.request import Wanted


def placed(known: Known, answer: Answer, wanted: Wanted, marks: Marked, where: str) -> Iterator[Agreement | Placement]:
    """The model on another provider: how far its outputs are from the CPU's, and which nodes it left."""
    if where == CPU:
        return
    for at, ran in enumerate(answer.ran[0]):
        found = known.compared(answer.ran[2][at].outputs[0], ran.outputs[0], Provided, "the CPU")
        there = replace(known.side, provider=where)
        yield known.by_block(known.tied(found, there, known.side, at), there, known.side, at)
    nodes = answer.placed[2]
    counts = Counter(node.provider for node in nodes)
    if nodes and not counts[where]:
        raise RunFailed(f"no node runs on {wanted.provider}: all run on {', '.join(sorted(counts))}")
    left = ((_op(known.anatomy, marks, node.name), node.provider) for node in nodes if node.provider != where)
    yield Placement(known.anatomy, wanted.provider, tuple((op, other) for op, other in left if op is not None), counts)


def _op(anatomy: Anatomy, marks: Marked, name: str) -> Op | None:
    """The op that a node is or was made of; None for what ONNX Runtime added, and for the arithmetic of shapes.

    Providers leave that to the CPU on purpose: its few numbers are needed there.
    """
    tensor = marks.tensor(name)
    for net in anatomy.net.nets():
        if tensor is not None and tensor in net.producer and tensor not in net.static:
            return net.producer[tensor]
    return None
