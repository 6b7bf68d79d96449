"""A model on the provider that was asked for in, how far it is from the CPU, where its nodes ran and how long it took out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Agreement, Latency, Placement, Provided, Start
from reslint.net import Op, read
from reslint.runtime.agreement.checks import Known
from reslint.runtime.feeds.synthesize import dims
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.model.bfloat16 import bordered, on_cpu
from reslint.runtime.model.marks import Marked, marked
from reslint.runtime.model.runnable import Runnable, plan, runnable
from reslint.runtime.protocol.job import Answer, Feed, Timing
from reslint.runtime.protocol.providers import CPU
from reslint.runtime.request import Wanted
from reslint.runtime.timing.latency import cores, latency
from reslint.runtime.timing.machine import machine
from reslint.runtime.timing.ratio import GROUPS
from reslint.runtime.timing.shares import shares

_TIMED_SHARE = 0.8  # of the time limit, so that a slow model is timed less often and not stopped


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
        raise RunFailed(f"was to run on {wanted.provider}, and no node does: all are on {', '.join(sorted(counts))}")
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


def timed(
    anatomy: Anatomy, model: Runnable, where: str, feed: Feed, wanted: Wanted, limits: Limits
) -> Iterator[Latency]:
    """The model timed, in turns with another one where that is given."""
    if not wanted.rounds:
        return
    wanted.say(f"timing {wanted.rounds} runs")
    threads = wanted.threads or cores()
    plans = [plan("the model", model, provider=where)]
    against = wanted.against if wanted.against is not None and wanted.against.suffix != ".npz" else None
    if against is not None:
        net = read(against)
        other = runnable(net, wanted.fill, wanted.libraries)
        other = on_cpu(other, net) if where == CPU else bordered(other)
        plans.append(plan(against.name, other, provider=where))
    marks = marked(model)
    # On a GPU the profile tells when kernels were started, and not how long they took.
    profile = replace(plan("the model", marks.model), threads=threads) if where == CPU else None
    timing = Timing(wanted.rounds, wanted.seconds, limits.left * _TIMED_SHARE / 2, GROUPS, profile)
    pinned = tuple(replace(p, threads=threads, exact=False) for p in plans)
    answer = launch(pinned, ((feed,),), limits, timing)
    if answer.error:
        raise RunFailed(f"can't be timed: {told(answer.error)}")
    name = against.name if against is not None else ""
    parts = shares(anatomy, marks, answer.events)
    start = Start(answer.cold[0] * 1000, answer.cold[1] * 1000, answer.memory)
    sizes = "; ".join(f"{given} {dims(value)}" for given, value in feed.items())
    told_of = {"fed": sizes, **machine(where)}
    yield latency(anatomy, wanted.provider, threads, answer.seconds, name, wanted.max_ratio, parts, told_of, start)
