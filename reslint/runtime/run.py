"""An anatomy and what is wanted in, measurements out: all that `reslint run` does before the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reslint.anatomy import Anatomy, dissect
from reslint.errors import ReslintError, RunFailed
from reslint.measure import Agreement, Optimized, Range, Referred, Repeated, Signal
from reslint.net import Net, read
from reslint.net.values import Array
from reslint.runtime.compare import differences, tolerance
from reslint.runtime.given import arrays, given
from reslint.runtime.inputs import Inputs, dims, synthesized
from reslint.runtime.job import Answer, Feed, Plan
from reslint.runtime.launch import Limits, launch, told
from reslint.runtime.model import Runnable, is_half, runnable, widened
from reslint.runtime.parting import first_apart
from reslint.runtime.search import Measure
from reslint.runtime.signal import signal
from reslint.runtime.taps import ranges, tapped

_GIVEN = "saved"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run a model on, and how; `half`: hold the stream to half precision's range."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    inputs: Path | None = None
    half: bool = False
    against: Path | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the runs measured, what they were fed, and that in words."""

    signal: Signal
    agreements: tuple[Agreement, ...]
    feeds: tuple[Feed, ...]
    fed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def measured(anatomy: Anatomy, wanted: Wanted) -> Measured:
    """Run a model. Raises RunFailed with one line where it can't be run."""
    net = anatomy.net
    model = runnable(net)
    half = is_half(model.proto)
    inputs, saved = _inputs(net, wanted)
    if wanted.against is not None and wanted.against.suffix == ".npz":
        saved = arrays(wanted.against)
    plans = (
        _plan("the model", model, times=2),
        _plan("the model without graph optimizations", model, optimized=False),
    )
    answer = _launched(plans, inputs, wanted.limits)
    feeds = tuple(ladder[at] for ladder, at in zip(inputs.feeds, answer.used, strict=True))
    measure = _measure(widened(model, net) if half else model, feeds, wanted.limits, wide=half)
    return Measured(
        signal(anatomy, measure, half=half or wanted.half),
        (
            *_agreements(anatomy, tolerance(model.proto), answer, saved),
            *(_referred(anatomy, model, feeds, answer, wanted)),
        ),
        feeds,
        tuple(_words(inputs, feeds)),
    )


def _inputs(net: Net, wanted: Wanted) -> tuple[Inputs, Mapping[str, Array]]:
    """What to feed, and the outputs that were saved for it."""
    if wanted.inputs is None:
        return synthesized(net, wanted.sizes, wanted.seed), {}
    if wanted.sizes:
        raise RunFailed("takes its sizes from --inputs; leave out --dim")
    feed, saved = given(net, wanted.inputs)
    return Inputs(((feed,),), (({},),), dict.fromkeys(feed, _GIVEN)), saved


def _plan(label: str, model: Runnable, *, optimized: bool = True, times: int = 1) -> Plan:
    bytes_ = model.proto.SerializeToString()
    return Plan(label, bytes_, str(model.folder), model.weights, optimized=optimized, times=times)


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


def _words(inputs: Inputs, feeds: Sequence[Feed]) -> Iterator[str]:
    """One line on each feed."""
    for feed in feeds:
        yield "; ".join(f"{name} {a.dtype} {dims(a)} {inputs.words.get(name, '')}" for name, a in feed.items())
