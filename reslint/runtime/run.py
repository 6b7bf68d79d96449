"""An anatomy and what is wanted in, measurements out: all that `reslint run` does before the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from reslint.anatomy import Anatomy, dissect
from reslint.errors import ReslintError, RunFailed
from reslint.measure import Agreement, Latency, Optimized, Placement, Provided, Range, Referred, Repeated, Signal
from reslint.net import Net, read
from reslint.net.values import Array
from reslint.runtime.compare import differences, tolerance
from reslint.runtime.given import arrays, given
from reslint.runtime.inputs import Inputs, dims, synthesized
from reslint.runtime.job import Answer, Feed, Plan
from reslint.runtime.latency import latency, threads
from reslint.runtime.launch import Limits, launch, told
from reslint.runtime.model import Runnable, is_half, runnable, widened
from reslint.runtime.parting import first_apart
from reslint.runtime.providers import CPU, provider
from reslint.runtime.search import Measure
from reslint.runtime.signal import signal
from reslint.runtime.taps import ranges, tapped

_GIVEN = "saved"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run a model on, and how; `half`: hold the stream to half precision's range; `rounds`: time so many runs."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    inputs: Path | None = None
    half: bool = False
    against: Path | None = None
    provider: str = "cpu"
    rounds: int = 0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the runs measured, what they were fed, and that in words."""

    subjects: tuple[Signal | Agreement | Placement | Latency, ...]
    feeds: tuple[Feed, ...]
    fed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def measured(anatomy: Anatomy, wanted: Wanted) -> Measured:
    """Run a model. Raises RunFailed with one line where it can't be run."""
    net = anatomy.net
    where = provider(wanted.provider)
    model = runnable(net)
    half = is_half(model.proto)
    limits = wanted.limits if where == CPU else replace(wanted.limits, memory=0)  # CUDA maps more than there is
    inputs, saved = _inputs(net, wanted)
    if wanted.against is not None and wanted.against.suffix == ".npz":
        saved = arrays(wanted.against)
    plans = [
        _plan("the model", model, times=2),
        _plan("the model without graph optimizations", model, optimized=False),
    ]
    if where != CPU:
        plans.append(_plan(f"the model on {wanted.provider}", model, provider=where))
    answer = _launched(tuple(plans), inputs, limits)
    feeds = tuple(ladder[at] for ladder, at in zip(inputs.feeds, answer.used, strict=True))
    measure = _measure(widened(model, net) if half else model, feeds, limits, wide=half)
    subjects = (
        signal(anatomy, measure, half=half or wanted.half),
        *_agreements(anatomy, tolerance(model.proto), answer, saved),
        *_referred(anatomy, model, feeds, answer, wanted),
        *_placed(anatomy, tolerance(model.proto), answer, wanted),
        *_timed(anatomy, model, where, feeds[0], wanted, limits),
    )
    return Measured(subjects, feeds, tuple(_words(inputs, feeds)), tuple(_notes(subjects, wanted)))


def _inputs(net: Net, wanted: Wanted) -> tuple[Inputs, Mapping[str, Array]]:
    """What to feed, and the outputs that were saved for it."""
    if wanted.inputs is None:
        return synthesized(net, wanted.sizes, wanted.seed), {}
    if wanted.sizes:
        raise RunFailed("takes its sizes from --inputs; leave out --dim")
    feed, saved = given(net, wanted.inputs)
    return Inputs(((feed,),), (({},),), dict.fromkeys(feed, _GIVEN)), saved


def _plan(label: str, model: Runnable, *, optimized: bool = True, times: int = 1, provider: str = CPU) -> Plan:
    bytes_ = model.proto.SerializeToString()
    return Plan(label, bytes_, str(model.folder), model.weights, provider, optimized, times)


def _launched(plans: tuple[Plan, ...], inputs: Inputs, limits: Limits) -> Answer:
    """The answer, or what failed with the sizes at which it did."""
    answer = launch(plans, inputs.feeds, limits)
    if answer.error:
        sizes = inputs.sizes[answer.at][0] if answer.at < len(inputs.sizes) else {}
        where = f" at {', '.join(f'{name}={size}' for name, size in sizes.items())}" if sizes else ""
        raise RunFailed(f"fails{where}: {told(answer.error)}")
    return answer


def _measure(model: Runnable, feeds: Sequence[Feed], limits: Limits, *, wide: bool) -> Measure:
    """How to get the ranges of tensors over all feeds, in float32 where the model's own is narrower."""
    ready = tuple((_wide(feed) if wide else feed,) for feed in feeds)

    def measure(names: Sequence[str]) -> Mapping[str, Range]:
        only = Runnable(tapped(model.proto, names), model.folder, model.weights)
        answer = launch((_plan("the model with its stream tapped", only),), ready, limits)
        if answer.error:
            raise RunFailed(f"fails: {told(answer.error)}")
        return ranges((ran.outputs[0] for ran in answer.ran[0]), names)

    return measure


def _wide(feed: Feed) -> Feed:
    return {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in feed.items()}


def _agreements(anatomy: Anatomy, least: float, answer: Answer, saved: Mapping[str, Array]) -> Iterator[Agreement]:
    """The model against itself run again, without optimizations, and against what was saved."""
    plain = answer.ran[0]
    for at, ran in enumerate(plain):
        once, again = ran.outputs
        bare = answer.ran[1][at].outputs[0]
        repeated = tuple(differences(once, again, 0.0, rtol=0.0))
        yield Repeated(anatomy, "itself, run again", repeated)
        if all(d.agrees for d in repeated):  # else whatever differs may be chance
            yield Optimized(anatomy, "itself without graph optimizations", tuple(differences(once, bare, least)))
        if saved:
            yield Referred(anatomy, "the saved outputs", tuple(differences(once, saved, least)))


def _referred(
    anatomy: Anatomy, model: Runnable, feeds: Sequence[Feed], answer: Answer, wanted: Wanted
) -> Iterator[Agreement]:
    """The model against another one, on the same inputs."""
    if wanted.against is None or wanted.against.suffix == ".npz":
        return
    name = wanted.against.name
    try:
        reference = dissect(read(wanted.against))
        other = runnable(reference.net)
    except ReslintError as error:
        raise RunFailed(f"can't be compared with {name}: {error}") from error
    theirs = launch((_plan(name, other),), tuple((feed,) for feed in feeds), wanted.limits)
    if theirs.error:
        raise RunFailed(f"can't be compared: {told(theirs.error)}")
    least = max(tolerance(model.proto), tolerance(other.proto))
    for at, feed in enumerate(feeds):
        found = tuple(differences(answer.ran[0][at].outputs[0], theirs.ran[0][at].outputs[0], least))
        if not found:
            raise RunFailed(f"can't be compared: {name} has no output of the same name")
        parts = None
        if not all(d.agrees for d in found):
            parts = first_apart((anatomy, model), (reference, other), feed, wanted.limits)
        yield Referred(anatomy, name, found, parts)


def _placed(anatomy: Anatomy, least: float, answer: Answer, wanted: Wanted) -> Iterator[Provided | Placement]:
    """The model on another provider: how far its outputs are from the CPU's, and which nodes it left."""
    if wanted.provider == "cpu":
        return
    for at, ran in enumerate(answer.ran[0]):
        found = differences(answer.ran[2][at].outputs[0], ran.outputs[0], least)
        yield Provided(anatomy, "the CPU", tuple(found))
    ops = anatomy.net.ops
    known = {**{op.type: op for op in reversed(ops)}, **{op.name: op for op in ops if op.name}}
    yield Placement(
        anatomy,
        wanted.provider,
        tuple((known.get(p.name) or known.get(p.type) or ops[-1], p.provider) for p in answer.elsewhere[2]),
    )


def _timed(
    anatomy: Anatomy, model: Runnable, where: str, feed: Feed, wanted: Wanted, limits: Limits
) -> Iterator[Latency]:
    """The model timed, in turns with another one where that is given."""
    if not wanted.rounds:
        return
    plans = [_plan("the model", model, provider=where)]
    against = wanted.against if wanted.against is not None and wanted.against.suffix != ".npz" else None
    if against is not None:
        plans.append(_plan(against.name, runnable(read(against)), provider=where))
    pinned = tuple(replace(plan, threads=threads()) for plan in plans)
    answer = launch(pinned, ((feed,),), limits, wanted.rounds)
    if answer.error:
        raise RunFailed(f"can't be timed: {told(answer.error)}")
    yield latency(anatomy, wanted.provider, answer.seconds, against.name if against is not None else "")


def _notes(subjects: Sequence[object], wanted: Wanted) -> Iterator[str]:
    """What is to be said beside the findings: how the model was run, and how long it took."""
    if wanted.provider == "cuda":
        yield "TF32 is off (use_tf32=0), so that float32 is compared with float32"
    for found in subjects:
        if isinstance(found, Latency):
            yield (
                f"{found.runs} runs on {found.provider}, {found.threads} threads: p50 {found.p50:.3g} ms, "
                f"p90 {found.p90:.3g} ms, p95 {found.p95:.3g} ms, p99 {found.p99:.3g} ms"
            )
            if found.ratio is not None:
                r = found.ratio
                yield f"{r.median:.3f} times {r.against} (95 percent: {r.low:.3f} to {r.high:.3f})"


def _words(inputs: Inputs, feeds: Sequence[Feed]) -> Iterator[str]:
    """One line on each feed."""
    for feed in feeds:
        yield "; ".join(f"{name} {a.dtype} {dims(a)} {inputs.words.get(name, '')}" for name, a in feed.items())
