"""An anatomy and what is wanted in, measurements out: all that `reslint run` does before the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Latency
from reslint.net import Net
from reslint.net.values import Array
from reslint.runtime.agreeing import agreements, referred
from reslint.runtime.compare import tolerance
from reslint.runtime.elsewhere import placed, timed
from reslint.runtime.given import arrays, given
from reslint.runtime.inputs import Inputs, dims, synthesized
from reslint.runtime.job import Answer, Feed, Plan
from reslint.runtime.launch import Limits, launch, told
from reslint.runtime.model import Runnable, is_half, plan, runnable, widened
from reslint.runtime.providers import CPU, provider
from reslint.runtime.signal import signal
from reslint.runtime.streams import exposed, streams
from reslint.runtime.taps import Measure, Pair, Taken, Taps
from reslint.runtime.wanted import Measured, Wanted

_GIVEN = "saved"


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
        plan("the model", model, times=2),
        plan("the model without graph optimizations", model, optimized=False),
    ]
    if where != CPU:
        plans.append(plan(f"the model on {wanted.provider}", model, provider=where))
    answer = _launched(tuple(plans), inputs, limits)
    feeds = tuple(ladder[at] for ladder, at in zip(inputs.feeds, answer.used, strict=True))
    found = streams(anatomy)
    wide = widened(model, net) if half else model
    seen = replace(wide, proto=exposed(wide.proto, found))
    held = half or wanted.half
    measure = _measuring(seen, tuple(_wide(feed) if half else feed for feed in feeds), limits, half=held)
    subjects = (
        signal(anatomy, found, measure, half=held),
        *agreements(anatomy, tolerance(model.proto), answer, saved),
        *referred(anatomy, model, feeds, answer, wanted),
        *placed(anatomy, tolerance(model.proto), answer, wanted),
        *timed(anatomy, model, where, feeds[0], wanted, limits),
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


def _launched(plans: tuple[Plan, ...], inputs: Inputs, limits: Limits) -> Answer:
    """The answer, or what failed with the sizes at which it did."""
    answer = launch(plans, inputs.feeds, limits)
    if answer.error:
        sizes = inputs.sizes[answer.at][0] if answer.at < len(inputs.sizes) else {}
        where = f" at {', '.join(f'{name}={size}' for name, size in sizes.items())}" if sizes else ""
        raise RunFailed(f"fails{where}: {told(answer.error)}")
    return answer


def _measuring(model: Runnable, feeds: Sequence[Feed], limits: Limits, *, half: bool) -> Measure:
    """How to get statistics of a model's tensors over all feeds."""

    def measure(names: Sequence[str], pairs: Sequence[Pair] = ()) -> Taken:
        taps = Taps(tuple(names), tuple(pairs), half)
        only = replace(model, proto=taps.onto(model.proto))
        answer = launch((plan("the model with its stream tapped", only),), tuple((f,) for f in feeds), limits)
        if answer.error:
            raise RunFailed(f"fails: {told(answer.error)}")
        return taps.read(ran.outputs[0] for ran in answer.ran[0])

    return measure


def _wide(feed: Feed) -> Feed:
    return {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in feed.items()}


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
