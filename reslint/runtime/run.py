"""An anatomy and what is wanted in, measurements out: all that `reslint run` does before the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from reslint.anatomy import Anatomy
from reslint.errors import RunFailed
from reslint.measure import Fed, Given, Latency, Measurement, Placement, Referred, Signal
from reslint.net import Net
from reslint.net.values import Array, opset
from reslint.processes import swept
from reslint.runtime.agreement.checks import Known, agreements, narrowed, referred, rounded
from reslint.runtime.agreement.compare import coarseness
from reslint.runtime.agreement.module import against_module
from reslint.runtime.agreement.on_provider import placed
from reslint.runtime.feeds.files import arrays, given, store
from reslint.runtime.feeds.kinds import Kind, kinds
from reslint.runtime.feeds.synthesize import Inputs, dims, synthesized, typed, words
from reslint.runtime.keeping.keep import kept
from reslint.runtime.launch.auto import chosen
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.model.bfloat16 import NAME as BFLOAT16
from reslint.runtime.model.bfloat16 import bordered, in_float32, on_cpu
from reslint.runtime.model.marks import marked
from reslint.runtime.model.runnable import Runnable, is_half, plan, runnable, widened
from reslint.runtime.model.taps import Measure, Pair, Taken, Taps, doubtful
from reslint.runtime.probes.ablation import ablation
from reslint.runtime.probes.sensitivity import sensitivity
from reslint.runtime.probes.signal import signal
from reslint.runtime.probes.streams import exposed, streams
from reslint.runtime.probes.weights import odd_weights
from reslint.runtime.protocol.job import Answer, Feed, Plan
from reslint.runtime.protocol.providers import CPU, advice, cached, provider
from reslint.runtime.request import Measured, Wanted
from reslint.runtime.timing.timed import swept as swept_over
from reslint.runtime.timing.timed import timed

_OLDEST = 7  # the operator set from which ONNX Runtime knows arithmetic, which taps are made of
_GIVEN = "saved"


def measured(anatomy: Anatomy, wanted: Wanted) -> Measured:
    """Run a model. Raises RunFailed with one line where it can't be run."""
    wanted = replace(wanted, limits=wanted.limits.running())
    name, why = chosen(wanted.provider, wanted.limits)
    wanted = replace(wanted, provider=name)
    if name != "tensorrt":
        return _measured(anatomy, wanted, why)
    with swept() as folder:  # an engine takes minutes to build, and each process needs it
        return _measured(anatomy, replace(wanted, given={**cached(folder), **wanted.given}), why)


def _measured(anatomy: Anatomy, wanted: Wanted, why: str) -> Measured:
    net, name = anatomy.net, wanted.provider
    where = provider(name)
    file = runnable(net, wanted.fill, wanted.libraries, wanted.given)
    home = CPU if wanted.reference else where
    there = on_cpu(file, net) if where == CPU else bordered(file)
    model = there if home == where else on_cpu(file, net)
    marks = marked(there)
    half = is_half(model.proto)
    limits = wanted.limits if where == CPU else replace(wanted.limits, memory=0)  # CUDA maps more than there is
    types = kinds(model.proto)
    inputs, saved = _inputs(net, wanted, types)
    if wanted.against is not None and wanted.against.suffix == ".npz":
        saved = (arrays(wanted.against),) * len(inputs.feeds)
    plans = [
        plan("the model", model if home == CPU else marks.model, times=2, provider=home),
        plan("the model without graph optimizations", model, optimized=False, provider=home),
    ]
    if where != home:
        plans.append(plan(f"the model on {name}", marks.model, provider=where, times=2))
    keep = _keeping(wanted, net, types)
    keep([ladder[0] for ladder in inputs.feeds])  # before the run, which may be the last of it
    inputs = replace(inputs, feeds=tuple(tuple(map(in_float32, ladder)) for ladder in inputs.feeds))
    wanted.say("running")
    answer = _launched(tuple(plans), inputs, limits, name)
    feeds = tuple(ladder[at] for ladder, at in zip(inputs.feeds, answer.used, strict=True))
    known = Known(
        anatomy,
        model,
        streams(anatomy),
        feeds,
        limits,
        wanted.tolerances.at_least(model.was or coarseness(file.proto)),
        home,
        there,
    )
    signals = tuple(rounded(known, _signal(known, half, wanted), answer, wanted))
    found = (
        *signals,
        *agreements(known, answer, saved),
        *referred(known, answer, wanted),
        *against_module(known, answer, wanted),
        *narrowed(known, answer, wanted),
        *sensitivity(known, wanted),
        *kept(known, wanted),
        *ablation(known, wanted, [one for one in signals if isinstance(one, Signal)]),
        *_native(known, wanted, where, half),
        *placed(known, answer, wanted, marks, where),
        *timed(anatomy, there, where, feeds[0], wanted, limits),
        *swept_over(anatomy, there, where, wanted, limits),
    )
    fed = _fed(anatomy, types, wanted, tuple(s[at] for s, at in zip(inputs.sizes, answer.used, strict=True)), feeds)
    subjects: tuple[Measurement, ...] = (fed, *_blamed(found, fed))
    return Measured(subjects, feeds, fed.lines, (*_limits_of(known), *_notes(subjects, wanted, why)))


def _blamed(subjects: Sequence[Measurement], fed: Fed) -> Iterator[Measurement]:
    """The measurements; what comes of NaN and infinity that were fed is not the model's fault."""
    for one in subjects:
        yield replace(one, nonfinite=None) if isinstance(one, Signal) and fed.nonfinite else one


def _inputs(net: Net, wanted: Wanted, types: Mapping[str, Kind]) -> tuple[Inputs, Sequence[Mapping[str, Array]]]:
    """What to feed, and the outputs that were saved for each feed."""
    if wanted.inputs is None:
        return synthesized(net, wanted.sizes, wanted.seed, types), ()
    if wanted.sizes:
        raise RunFailed("takes its sizes from --inputs: remove --dim")
    feeds, saved = given(net, wanted.inputs, types)
    return Inputs(tuple((feed,) for feed in feeds), (({},),) * len(feeds)), saved


def _keeping(wanted: Wanted, net: Net, types: Mapping[str, Kind]) -> Callable[[Sequence[Feed]], None]:
    """What saves what is fed, where that is wanted."""
    target = wanted.store
    return (lambda feeds: store(target, feeds, net, types)) if target is not None else lambda feeds: None


def _launched(plans: tuple[Plan, ...], inputs: Inputs, limits: Limits, name: str) -> Answer:
    """The answer, or what failed with the sizes at which it did."""
    answer = launch(plans, inputs.feeds, limits)
    if answer.error:
        sizes = inputs.sizes[answer.at][0] if 0 <= answer.at < len(inputs.sizes) else {}
        where = f" at {', '.join(f'{name}={size}' for name, size in sizes.items())}" if sizes else ""
        said = told(answer.error)
        before, absent, _ = said.partition("; this ONNX Runtime was built with ")
        known = advice(name) if absent else ""
        raise RunFailed(f"fails{where}: {f'{before}{known}' if known else said}")
    return answer


def _signal(known: Known, half: bool, wanted: Wanted) -> Signal:
    """The signal along the streams, in float32 where the model's own type is narrower."""
    if opset(known.anatomy.net) < _OLDEST:
        return Signal(known.anatomy, ())
    wide = widened(known.model, known.anatomy.net) if half else known.model
    seen = replace(wide, proto=exposed(wide.proto, known.found))
    held = half or wanted.precision == "float16"
    wanted.say("measuring the signal")
    measure = _measuring(seen, (*known.feeds, *_more(known, wanted)), known.limits, known.home, half=held)
    found = signal(known.anatomy, known.found, measure, half=held, made_up=bool(known.model.made_up))
    return found if found.made_up else replace(found, weights=tuple(odd_weights(known.anatomy.net)))


def _native(known: Known, wanted: Wanted, where: str, half: bool) -> Iterator[Signal]:
    """What the provider's own half precision makes of a model that has it: the first NaN or infinity there."""
    if where == known.home or not half or known.there is None or opset(known.anatomy.net) < _OLDEST:
        return
    seen = replace(known.there, proto=exposed(known.there.proto, known.found))
    wanted.say(f"measuring the signal on {wanted.provider}")
    measure = _measuring(seen, known.feeds, known.limits, where, half=False)
    found = signal(known.anatomy, known.found, measure, half=False)
    if found.nonfinite is not None:
        yield Signal(known.anatomy, (), nonfinite=found.nonfinite)


def _more(known: Known, wanted: Wanted) -> Iterator[Feed]:
    """A second input where there is but one that was made up: what it does not change is constant."""
    if wanted.inputs is None and len(known.feeds) == 1:
        made = synthesized(known.anatomy.net, wanted.sizes, wanted.seed + 1, kinds(known.model.proto))
        shapes = {name: np.shape(value) for name, value in known.feeds[0].items() if isinstance(value, np.ndarray)}
        for feed in made.feeds[0]:
            if all(np.shape(feed[name]) == shape for name, shape in shapes.items()):
                yield in_float32(feed)
                return


def _measuring(model: Runnable, feeds: Sequence[Feed], limits: Limits, home: str, *, half: bool) -> Measure:
    """How to get statistics of a model's tensors over all feeds."""

    def measure(names: Sequence[str], pairs: Sequence[Pair] = ()) -> Taken:
        taps = Taps(tuple(names), tuple(pairs), half)
        taken = taken_by(taps)
        return taken_by(replace(taps, far=True)) if doubtful(taken) else taken

    def taken_by(taps: Taps) -> Taken:
        only = replace(model, proto=taps.onto(model.proto))
        answer = launch(
            (plan("the model with its stream tapped", only, provider=home),), tuple((f,) for f in feeds), limits
        )
        if answer.error:
            raise RunFailed(f"fails: {told(answer.error)}")
        return taps.read(ran.outputs[0] for ran in answer.ran[0])

    return measure


def _limits_of(known: Known) -> Iterator[str]:
    """What the measurements can't say."""
    if known.model.made_up:
        yield (
            f"the values of {known.model.made_up} missing weights are generated (--fill): "
            "what follows describes the structure, not the trained model"
        )
    if known.model.was:
        yield f"{known.model.was} is widened to float32 on the CPU, which has no kernels for it; --round rounds after every op"
    version = opset(known.anatomy.net)
    if version < _OLDEST:
        yield f"no tensor is tapped: ONNX Runtime has no arithmetic of operator set {version}; export the model anew"


def _notes(subjects: Sequence[object], wanted: Wanted, why: str) -> Iterator[str]:
    """What is to be said beside the findings: how and where the model was run, and what could not be decided."""
    if why:
        yield why
    for fed in (one for one in subjects if isinstance(one, Fed) and one.nonfinite):
        yield f"the input {', '.join(fed.nonfinite)} holds NaN or infinity: what follows from that is not reported"
    if wanted.provider in ("cuda", "tensorrt"):
        yield "TF32 is off (use_tf32=0) where outputs are compared, and on where runs are timed"
    referred = [found for found in subjects if isinstance(found, Referred)]
    yield from dict.fromkeys(line for found in referred for line in _left_out(found))
    yield from dict.fromkeys(
        f"named otherwise in {found.against}: {', '.join(f'{ours} is {theirs}' for ours, theirs in found.matched)}"
        for found in referred
        if found.matched
    )
    for found in subjects:
        if isinstance(found, Placement):
            yield "; ".join(f"{many} nodes on {where}" for where, many in found.nodes.items())
        if isinstance(found, Latency):
            yield from _of_latency(found, wanted)


def _left_out(found: Referred) -> Iterator[str]:
    """The outputs that a reference does not have. Parts of one are called after it: `y[0]`, `y[0].label`."""
    held = {d.output.partition("[")[0] for d in found.differences} | {d.output for d in found.differences}
    left = [name for name in found.anatomy.net.outputs if name not in held]
    if left:
        yield f"not compared, since missing from {found.against}: {', '.join(left)}"


def _of_latency(found: Latency, wanted: Wanted) -> Iterator[str]:
    if found.runs < wanted.rounds:
        yield f"was timed {found.runs} times instead of {wanted.rounds}, since time ran out; allow more with --timeout"
    if found.ratio is not None and found.ratio.decision == "undecided":
        yield (
            f"whether it takes more than {found.ratio.most:g} times as long as {found.ratio.against} is undecided; "
            "increase --runs, or measure on an otherwise idle machine"
        )


def _fed(
    anatomy: Anatomy,
    types: Mapping[str, Kind],
    wanted: Wanted,
    sizes: Sequence[Mapping[str, int]],
    feeds: Sequence[Feed],
) -> Fed:
    """What was fed, in words; the second run of made-up inputs is the padded one."""
    runs = []
    for turn, (feed, at) in enumerate(zip(feeds, sizes, strict=True)):
        made = wanted.inputs is None
        told = words(anatomy.net, at, types, padded=turn > 0) if made else dict.fromkeys(feed, _GIVEN)
        kinds = {
            n: BFLOAT16 if anatomy.net.value(n).type == TensorProto.BFLOAT16 else typed(f) for n, f in feed.items()
        }
        runs.append(tuple(Given(n, kinds[n], dims(fed), told[n], _is_finite(fed)) for n, fed in feed.items()))
    return Fed(anatomy, tuple(runs))


def _is_finite(fed: Array | list[Array]) -> bool:
    arrays = fed if isinstance(fed, list) else [fed]
    return all(array.dtype.kind not in "fc" or bool(np.all(np.isfinite(array))) for array in arrays)
