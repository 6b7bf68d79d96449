"""A model and what it is fed in, how long it takes out, at several sizes, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Latency, Start, Step, Sweep
from reslint.runtime.agreement.reference import is_saved, opened
from reslint.runtime.feeds.kinds import kinds
from reslint.runtime.feeds.synthesize import dims, synthesized
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.model.bfloat16 import bordered, in_float32, on_cpu
from reslint.runtime.model.marks import marked
from reslint.runtime.model.runnable import Runnable, plan
from reslint.runtime.protocol.job import Answer, Feed, Timing
from reslint.runtime.protocol.providers import CPU
from reslint.runtime.request import Wanted
from reslint.runtime.timing.latency import cores, latency
from reslint.runtime.timing.machine import machine
from reslint.runtime.timing.ratio import GROUPS
from reslint.runtime.timing.shares import shares

_TIMED_SHARE = 0.8  # of the time limit, so that a slow model is timed less often and not stopped
_SWEPT = 0.25  # of the runs, and of the seconds, at each size


def timed(
    anatomy: Anatomy, model: Runnable, where: str, feed: Feed, wanted: Wanted, limits: Limits
) -> Iterator[Latency]:
    """The model timed, in turns with another one where that is given."""
    if not wanted.rounds:
        return
    wanted.say(f"timing {wanted.rounds} runs")
    threads = wanted.threads or cores()
    plans = [plan("the model", model, provider=where)]
    against = None if is_saved(wanted.against) else wanted.against
    if against is not None:
        fit = on_cpu if where == CPU else lambda other, net: bordered(other)
        plans.append(plan(against.name, opened(anatomy.net, wanted, fit).model, provider=where))
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
    where_told = _where(feed, where, model.given)
    yield latency(
        anatomy, wanted.provider, threads, answer.seconds, name, wanted.max_ratio, parts, where_told, _start(answer)
    )


def swept(anatomy: Anatomy, model: Runnable, where: str, wanted: Wanted, limits: Limits) -> Iterator[Sweep]:
    """The model timed at the sizes that are wanted."""
    if wanted.rounds and wanted.sweep:
        every = [(name, size) for name, sizes in wanted.sweep for size in sizes]
        steps = []
        for at, (name, size) in enumerate(every):
            wanted.say(f"timing at {name}={size}")
            some = replace(limits, seconds=limits.left / (len(every) - at))
            steps.append(_step(anatomy, model, where, wanted, some, name, size))
        yield Sweep(anatomy, wanted.provider, tuple(steps))


def _step(anatomy: Anatomy, model: Runnable, where: str, wanted: Wanted, limits: Limits, name: str, size: int) -> Step:
    made = synthesized(anatomy.net, {**wanted.sizes, name: size}, wanted.seed, kinds(model.proto))
    ladder = tuple(map(in_float32, made.feeds[0]))
    threads = wanted.threads or cores()
    one = replace(plan("the model", model, provider=where), threads=threads, exact=False)
    rounds, seconds = max(GROUPS, int(wanted.rounds * _SWEPT)), wanted.seconds * _SWEPT
    timing = Timing(rounds, seconds, limits.left * _TIMED_SHARE / 2, GROUPS)
    try:
        answer = launch((one,), (ladder,), limits, timing)
    except RunFailed as error:
        return Step(name, size, failed=str(error))
    if answer.error:
        return Step(name, size, failed=told(answer.error))
    told_of = _where(ladder[answer.used[0]], where, model.given)
    found = latency(anatomy, wanted.provider, threads, answer.seconds, where=told_of, start=_start(answer))
    return Step(name, size, found)


def _start(answer: Answer) -> Start:
    return Start(answer.cold[0] * 1000, answer.cold[1] * 1000, answer.memory)


def _where(feed: Feed, where: str, given: Mapping[str, str]) -> dict[str, str]:
    sizes = "; ".join(f"{given} {dims(value)}" for given, value in feed.items())
    return {"fed": sizes, **machine(where, given.get("device_id", "0"))}
