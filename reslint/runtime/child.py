"""A pickled Job on standard input in, a pickled Answer in a file out: the process that a model may crash."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from reslint.net.values import Array
from reslint.runtime.job import Answer, Feed, Job, Placed, Plan, Ran
from reslint.runtime.providers import CPU, NAMES
from reslint.runtime.stopwatch import timed

_FATAL = 4  # the only messages that ONNX Runtime may write; what fails is raised as well


def main() -> None:
    """Run what standard input asks for."""
    job: Job = pickle.load(sys.stdin.buffer)  # from the parent; the child has no rights that the parent lacks
    _limit(job.memory)
    Path(job.answer).write_bytes(pickle.dumps(_answered(job)))


def _limit(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _answered(job: Job) -> Answer:
    used: list[int] = []
    ran: list[tuple[Ran, ...]] = []
    elsewhere: list[tuple[Placed, ...]] = []
    kept: list[onnxruntime.InferenceSession] = []
    for plan in job.plans:
        here: list[Ran] = []
        try:
            if plan.rounded:
                ran.append(tuple(_rounded(plan, alternatives[0]) for alternatives in job.feeds))
                elsewhere.append(())
                continue
            session = _session(plan)
            elsewhere.append(tuple(_elsewhere(session, plan)))
            kept.extend([session] if job.rounds else [])
            for at, alternatives in enumerate(job.feeds):
                if at == len(used):
                    used.append(_first(session, [_widened(a) for a in alternatives] if plan.wide else alternatives))
                feed = _widened(alternatives[used[at]]) if plan.wide else alternatives[used[at]]
                here.append(Ran(tuple(_outputs(session, feed) for _ in range(plan.times))))
        except Exception as error:  # ONNX Runtime's errors have no base of their own; each becomes the answer
            return Answer(error=f"{plan.label}: {error}", at=len(here))
        ran.append(tuple(here))
    seconds = timed(kept, job.feeds[0][used[0]], job.rounds) if job.rounds else ()
    return Answer(tuple(used), tuple(ran), elsewhere=tuple(elsewhere), seconds=seconds)


def _widened(feed: Feed) -> Feed:
    """The same input for a model that is of half precision no more."""
    return {
        name: [_wide(a) for a in value] if isinstance(value, list) else _wide(value) for name, value in feed.items()
    }


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _rounded(plan: Plan, feed: Feed) -> Ran:
    from reslint.runtime.half import halved, whole
    from reslint.runtime.rounding import rounded

    outputs, overflow = rounded(halved(plan) if plan.half else whole(plan), feed, plan.rounded)
    return Ran((outputs,), overflow)


def _first(session: onnxruntime.InferenceSession, alternatives: Sequence[Feed]) -> int:
    """The first input that the model takes; where it takes none, the first one's error is the clearest."""
    first: Exception | None = None
    for at, feed in enumerate(alternatives):
        try:
            session.run(None, dict(feed))
        except Exception as error:
            if len(alternatives) == 1:
                raise
            first = first or error
        else:
            return at
    raise first or ValueError("no input")


def _session(plan: Plan) -> onnxruntime.InferenceSession:
    if plan.half:
        from reslint.runtime.half import halved

        plan = replace(plan, model=halved(plan).SerializeToString(), weights={}, half=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = plan.threads
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if plan.optimized else level.ORT_DISABLE_ALL
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", plan.folder)
    if plan.weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(a)) for a in plan.weights.values()]
        options.add_external_initializers(list(plan.weights), values)
    if plan.provider == CPU:
        return onnxruntime.InferenceSession(plan.model, options, providers=[CPU])
    onnxruntime.preload_dlls()  # CUDA's libraries, where they were installed as wheels
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    own = {"use_tf32": "0"} if plan.provider == NAMES["cuda"] else {}  # TF32 has ten bits of mantissa
    session = onnxruntime.InferenceSession(plan.model, options, providers=[(plan.provider, own), CPU])
    if plan.provider not in session.get_providers():
        raise RuntimeError(
            f"{plan.provider} was asked for and can't be used; it needs NVIDIA's driver and CUDA libraries"
        )
    return session


def _elsewhere(session: onnxruntime.InferenceSession, plan: Plan) -> Iterator[Placed]:
    """The nodes that another provider runs than the one asked for."""
    for part in session.get_provider_graph_assignment_info() if plan.provider != CPU else ():
        if part.ep_name != plan.provider:
            yield from (Placed(node.name, node.op_type, part.ep_name) for node in part.get_nodes())


def _outputs(session: onnxruntime.InferenceSession, feed: Feed) -> dict[str, Array]:
    names = [o.name for o in session.get_outputs()]
    made = session.run(names, dict(feed))
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
