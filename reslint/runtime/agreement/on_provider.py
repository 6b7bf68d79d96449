"""A model on the provider that was asked for in, how far it is from the CPU, and where its nodes ran out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Agreement, Optimized, Placement, Provided, Repeated
from reslint.net import Op
from reslint.runtime.agreement.checks import Known
from reslint.runtime.agreement.compare import EXACT
from reslint.runtime.launch.process import launch
from reslint.runtime.model.marks import Marked
from reslint.runtime.model.runnable import plan
from reslint.runtime.protocol.job import Answer, Ran, Timing
from reslint.runtime.protocol.providers import CPU, CUDA, TENSORRT
from reslint.runtime.request import Wanted

_COPY = "Memcpy"


def placed(known: Known, answer: Answer, wanted: Wanted, marks: Marked, where: str) -> Iterator[Agreement | Placement]:
    """The model on another provider: how far its outputs are from the CPU's, and which nodes it left."""
    if where == CPU:
        return
    ran = answer.ran[0 if known.home == where else 2]
    if known.home != where:
        exact = replace(known, tolerances=EXACT)
        for once, again in (each.outputs for each in ran):
            yield exact.compared(once, again, Repeated, f"itself on {wanted.provider}, run again")
        for at, mine in enumerate(answer.ran[0]):
            found = known.compared(ran[at].outputs[0], mine.outputs[0], Provided, "the CPU")
            there = replace(known.side, provider=where)
            yield known.by_block(known.tied(found, there, known.side, at), there, known.side, at)
        yield from _otherwise(known, answer, wanted, where, ran)
    nodes = answer.placed[0 if known.home == where else 2]
    counts = Counter(node.provider for node in nodes)
    if nodes and not counts[where]:
        raise RunFailed(f"no node runs on {wanted.provider}: all run on {', '.join(sorted(counts))}")
    away = ((_op(known.anatomy, marks, node.name), node.provider) for node in nodes if node.provider != where)
    left = tuple((op, other) for op, other in away if op is not None)
    parts = Counter(other for _, other in {(node.part, node.provider) for node in nodes})
    copies, share = _profiled(known, marks, where) if left else (0, None)
    yield Placement(known.anatomy, wanted.provider, left, counts, parts, copies, share)


def _otherwise(known: Known, answer: Answer, wanted: Wanted, where: str, ran: Sequence[Ran]) -> Iterator[Agreement]:
    """The provider without graph optimizations, and as it ships where that rounds float32 to fewer bits."""
    wanted.say(f"running on {wanted.provider} without optimizations")
    feeds = tuple((feed,) for feed in known.feeds)
    model = known.there or known.model
    bare = launch((plan("the model", model, optimized=False, provider=where),), feeds, known.limits)
    if not bare.error:
        name = f"itself on {wanted.provider} without graph optimizations"
        for at, theirs in enumerate(bare.ran[0]):
            found = known.compared(ran[at].outputs[0], theirs.outputs[0], Optimized, name)
            ours = replace(known.side, provider=where)
            yield known.tied(found, ours, replace(ours, optimized=False), at)
    if where not in (CUDA, TENSORRT):
        return
    shipped = launch((replace(plan("the model", model, provider=where), exact=False),), feeds, known.limits)
    coarse = replace(known, tolerances=known.tolerances.at_least("float16"))  # TF32 has its ten bits of mantissa
    for at, theirs in enumerate(() if shipped.error else shipped.ran[0]):
        mine = answer.ran[0][at].outputs[0]
        yield coarse.compared(theirs.outputs[0], mine, Provided, "the CPU, as shipped, with TF32")


def _profiled(known: Known, marks: Marked, where: str) -> tuple[int, float | None]:
    """How many times a tensor is copied between devices, and the share of the time that copies and other providers take."""
    one = plan("the model", marks.model, provider=where)
    timing = Timing(1, most=1.0, profile=one)
    answer = launch((one,), ((known.feeds[0],),), known.limits, timing)
    total = sum(event.seconds for event in answer.events)
    if answer.error or not total or not any(event.provider == where for event in answer.events):
        return 0, None
    lost = sum(e.seconds for e in answer.events if e.provider != where or e.type.startswith(_COPY))
    return sum(event.type.startswith(_COPY) for event in answer.events), lost / total


def _op(anatomy: Anatomy, marks: Marked, name: str) -> Op | None:
    """The op that a node is or was made of; None for what ONNX Runtime added, and for the arithmetic of shapes.

    Providers leave that to the CPU on purpose: its few numbers are needed there.
    """
    tensor = marks.tensor(name)
    for net in anatomy.net.nets():
        if tensor is not None and tensor in net.producer and tensor not in net.static:
            return net.producer[tensor]
    return None
