"""A model on the provider that was asked for in, how far it is from the CPU, where its nodes ran and how long it took out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Agreement, Latency, Placement, Provided
from reslint.net import read
from reslint.runtime.agreeing import Known
from reslint.runtime.job import Answer, Feed
from reslint.runtime.latency import latency, threads
from reslint.runtime.launch import Limits, launch, told
from reslint.runtime.model import Runnable, plan, runnable
from reslint.runtime.providers import provider
from reslint.runtime.wanted import Wanted


def placed(known: Known, answer: Answer, wanted: Wanted) -> Iterator[Agreement | Placement]:
    """The model on another provider: how far its outputs are from the CPU's, and which nodes it left."""
    if wanted.provider == "cpu":
        return
    for at, ran in enumerate(answer.ran[0]):
        found = known.compared(answer.ran[2][at].outputs[0], ran.outputs[0], Provided, "the CPU")
        yield known.parted(found, replace(known.side, provider=provider(wanted.provider)), known.side, at)
    ops = known.anatomy.net.ops
    named = {**{op.type: op for op in reversed(ops)}, **{op.name: op for op in ops if op.name}}
    yield Placement(
        known.anatomy,
        wanted.provider,
        tuple((named.get(p.name) or named.get(p.type) or ops[-1], p.provider) for p in answer.elsewhere[2]),
    )


def timed(
    anatomy: Anatomy, model: Runnable, where: str, feed: Feed, wanted: Wanted, limits: Limits
) -> Iterator[Latency]:
    """The model timed, in turns with another one where that is given."""
    if not wanted.rounds:
        return
    plans = [plan("the model", model, provider=where)]
    against = wanted.against if wanted.against is not None and wanted.against.suffix != ".npz" else None
    if against is not None:
        plans.append(plan(against.name, runnable(read(against)), provider=where))
    pinned = tuple(replace(plan, threads=threads()) for plan in plans)
    answer = launch(pinned, ((feed,),), limits, wanted.rounds)
    if answer.error:
        raise RunFailed(f"can't be timed: {told(answer.error)}")
    yield latency(anatomy, wanted.provider, answer.seconds, against.name if against is not None else "")
