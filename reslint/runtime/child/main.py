"""A pickled Job on standard input in, a packed Answer on standard output out: the process that a model may crash."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import onnxruntime

from reslint.processes import die_with, swept
from reslint.runtime.child.on_device import order, preload
from reslint.runtime.child.profile import profiled
from reslint.runtime.child.stopwatch import timed
from reslint.runtime.protocol.job import Answer, Array, Event, Feed, Job, Placed, Plan, Ran
from reslint.runtime.protocol.packing import packed, size_of
from reslint.runtime.protocol.providers import CPU

_FATAL = 4  # the only messages that ONNX Runtime may write; what fails is raised as well


def main() -> None:
    """Run what standard input asks for."""
    job: Job = pickle.load(sys.stdin.buffer)  # from the parent; the child has no rights that the parent lacks
    die_with(job.parent)
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library says is no answer
    _limit(job.memory)
    if all(plan.exact for plan in job.plans):
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # for TensorRT, which has no option for it
    with os.fdopen(answers, "wb") as file:
        for part in packed(_answered(job)):
            file.write(part)


def _limit(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answered(job: Job) -> Answer:
    used: list[int] = []
    ran: list[tuple[Ran, ...]] = []
    where: list[tuple[Placed, ...]] = []
    room = job.most
    made = first = 0.0
    for plan in job.plans:
        here: list[Ran] = []
        at = -1  # no input yet: the session itself
        try:
            if plan.rounded:
                ran.append(tuple(_rounded(plan, alternatives[0]) for alternatives in job.feeds))
                where.append(())
                continue
            if plan.keeping is not None:
                ran.append((_kept(plan, [alternatives[0] for alternatives in job.feeds]),))
                where.append(())
                continue
            began = time.perf_counter()
            session = started(plan)
            made = made or time.perf_counter() - began
            where.append(tuple(_placed(session, plan)))
            for at, alternatives in enumerate(job.feeds):
                fit = [_widened(a) for a in alternatives] if plan.wide else alternatives
                if at == len(used):
                    began = time.perf_counter()
                    used.append(0 if plan.shaking or plan.skipping else _first(session, fit))
                    first = first or time.perf_counter() - began
                feed = fit[used[at]]
                if plan.shaking or plan.skipping:
                    here.append(_probed(session, feed, plan))
                    continue
                here.append(Ran(tuple(_outputs(session, feed) for _ in range(plan.times))))
                room -= sum(map(size_of, chain.from_iterable(each.values() for each in here[-1].outputs)))
                if room < 0:
                    return Answer(error=f"{plan.label}: MemoryError: its outputs", at=at)
        except Exception as error:  # ONNX Runtime's errors have no base of their own; each becomes the answer
            return Answer(error=f"{plan.label}: {error}", at=at)
        ran.append(tuple(here))
    answer = Answer(tuple(used), tuple(ran), placed=tuple(where))
    if job.timing is None:
        return answer
    feed = job.feeds[0][used[0]]
    starts = [partial(started, plan, several=len(job.plans) > 1) for plan in job.plans]
    seconds = timed(starts, feed, job.timing)
    held = _held()
    events = _profiled(feed, job.timing.profile)
    return replace(answer, seconds=seconds, events=events, cold=(made, first), memory=held)


def _held() -> int:
    """The most bytes of memory that this process held."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _profiled(feed: Feed, plan: Plan | None) -> tuple[Event, ...]:
    """How long each node takes, from a session of its own, since profiling costs time."""
    if plan is None:
        return ()
    with swept() as folder:
        return profiled(started(plan, profile=str(Path(folder) / "profile")), feed)


def _widened(feed: Feed) -> Feed:
    """The same input for a model that is of half precision no more."""
    return {
        name: [_wide(a) for a in value] if isinstance(value, list) else _wide(value) for name, value in feed.items()
    }


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _probed(session: onnxruntime.InferenceSession, feed: Feed, plan: Plan) -> Ran:
    from reslint.runtime.child.sensitivity import shook
    from reslint.runtime.child.skipping import skipped

    shaken = (shook(session, feed, plan.shaking),) if plan.shaking is not None else ()
    return Ran((*shaken, *((skipped(session, feed, plan.skipping),) if plan.skipping is not None else ())))


def _kept(plan: Plan, feeds: Sequence[Feed]) -> Ran:
    from reslint.runtime.child.keeping import kept

    fit = [_widened(feed) for feed in feeds] if plan.wide else feeds
    return Ran((kept(started(plan), fit, plan.keeping),) if plan.keeping is not None else ())


def _rounded(plan: Plan, feed: Feed) -> Ran:
    from reslint.runtime.child.half import halved, whole
    from reslint.runtime.child.rounding import rounded

    outputs, overflow = rounded(
        halved(plan) if plan.half else whole(plan), _widened(feed) if plan.wide else feed, plan.rounded, plan.keep
    )
    return Ran((outputs,), overflow)


def _first(session: onnxruntime.InferenceSession, alternatives: Sequence[Feed]) -> int:
    """The first input that the model takes; where it takes none, the first one's error is the clearest."""
    first: Exception | None = None
    for at, feed in enumerate(alternatives):
        try:
            _outputs(session, feed)
        except Exception as error:
            if len(alternatives) == 1:
                raise
            first = first or error
        else:
            return at
    raise first or ValueError("no input")


def started(plan: Plan, *, several: bool = False, profile: str = "") -> onnxruntime.InferenceSession:
    """A session of a plan; `several` where others take turns with it, `profile` is the start of a profile's name."""
    if plan.half:
        from reslint.runtime.child.half import halved

        plan = replace(plan, model=halved(plan).SerializeToString(), weights={}, half=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = plan.threads
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if plan.optimized else level.ORT_DISABLE_ALL
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", plan.folder)
    if several:  # else the threads of the one whose turn is over would spin on while the other one runs
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    for library in plan.libraries:
        options.register_custom_ops_library(library)
    if plan.weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(a)) for a in plan.weights.values()]
        options.add_external_initializers(list(plan.weights), values)
    if plan.provider == CPU:
        return onnxruntime.InferenceSession(plan.model, options, providers=[CPU])
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    preload(plan.provider)
    _refuse_absent(plan.provider, onnxruntime.get_available_providers())
    # Without fallback: ONNX Runtime's Python would make the session anew, or run again, on the CPU, and only print a line.
    session = onnxruntime.InferenceSession(plan.model, options, providers=list(order(plan)), enable_fallback=0)
    _refuse_absent(plan.provider, session.get_providers())
    return session


def _refuse_absent(provider: str, there: Sequence[str]) -> None:
    if provider not in there:
        built = ", ".join(onnxruntime.get_available_providers())
        raise RuntimeError(f"{provider} was requested but can't be used; this ONNX Runtime was built with {built}")


def _placed(session: onnxruntime.InferenceSession, plan: Plan) -> Iterator[Placed]:
    """Where each node runs, if not all on the CPU."""
    if plan.provider == CPU:
        return
    if not hasattr(session, "get_provider_graph_assignment_info"):
        raise RuntimeError("this ONNX Runtime does not tell where nodes run; install 1.24.1 or newer")
    for at, part in enumerate(session.get_provider_graph_assignment_info()):
        yield from (Placed(node.name, node.op_type, part.ep_name, at) for node in part.get_nodes())


def _outputs(session: onnxruntime.InferenceSession, feed: Feed) -> dict[str, Array]:
    names = [o.name for o in session.get_outputs()]
    taken = {i.name for i in session.get_inputs()}  # a reference may do without some of what the model takes
    made = session.run(names, {name: value for name, value in feed.items() if name in taken})
    return {part: array for name, value in zip(names, made, strict=True) for part, array in _parts(name, value)}


def _parts(name: str, value: object) -> Iterator[tuple[str, Array]]:
    """An output as arrays: `y[0]` of a sequence, `y[0].label` of a map; what is left out gives none."""
    if isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _parts(f"{name}[{at}]", inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(f"{name}.{key}", inner)
    elif value is not None:
        yield name, np.asarray(value)
