"""Sessions and an input in, the seconds of each run out. Sessions take turns, so that a slow spell of the machine meets all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median

import onnxruntime

from reslint.runtime.protocol.job import Feed, Timing

_WARM_UP = 10  # runs: memory is laid out, kernels are chosen
_WARM_SHARE = 0.1  # of all the time that there is, at most
_WARM_MOST = 2.0  # seconds: clocks rise, and kernels are chosen
_SETTLED = 0.02  # between the medians of two warm-ups
Start = Callable[[], onnxruntime.InferenceSession]
_HOST = ("cpu", 0)
_GPU = frozenset({"CUDAExecutionProvider", "TensorrtExecutionProvider"})


def timed(starts: Sequence[Start], feed: Feed, timing: Timing) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """The seconds of each model's runs, by group. Each group has sessions of its own, made in turns in another order.

    Where a session's memory happens to lie makes it faster or slower than another one of the same model for all its life.
    """
    found: list[list[tuple[float, ...]]] = [[] for _ in starts]
    began = time.perf_counter()
    for group in range(timing.groups):
        left = timing.groups - group
        spent = time.perf_counter() - began
        if group and spent >= timing.most:
            break
        share = replace(
            timing,
            rounds=-(-timing.rounds // timing.groups),
            seconds=timing.seconds / timing.groups,
            most=(timing.most - spent) / left,
        )
        for which, seconds in zip(_order(len(starts), group), _group(starts, group, feed, share), strict=True):
            found[which].append(seconds)
    return tuple(tuple(groups) for groups in found)


def _order(many: int, group: int) -> Sequence[int]:
    return range(many) if group % 2 == 0 else range(many - 1, -1, -1)


def _group(starts: Sequence[Start], group: int, feed: Feed, timing: Timing) -> Sequence[tuple[float, ...]]:
    """The seconds of one group of rounds; inputs and outputs stay on the device."""
    began = time.perf_counter()
    runs = [_bound(starts[which](), feed) for which in _order(len(starts), group)]
    before = math.inf
    while True:
        spent = [_round(runs) for _ in range(_WARM_UP)]
        settled = abs(median(spent) - before) <= _SETTLED * before
        before = median(spent)
        if settled or time.perf_counter() - began > min(timing.most * _WARM_SHARE, _WARM_MOST):
            break
    found: list[list[float]] = [[] for _ in runs]
    rounds, start = 0, time.perf_counter()
    while goes_on(rounds, time.perf_counter() - start, timing):
        for k in range(len(runs)):
            turn = (k + rounds) % len(runs)  # neither always goes first
            before = time.perf_counter()
            runs[turn]()
            found[turn].append(time.perf_counter() - before)
        rounds += 1
    return [tuple(seconds) for seconds in found]


def _round(runs: Sequence[Callable[[], None]]) -> float:
    """The seconds of a run of each."""
    before = time.perf_counter()
    for run in runs:
        run()
    return time.perf_counter() - before


def goes_on(rounds: int, seconds: float, timing: Timing) -> bool:
    """Whether there is to be another round: until there were enough for long enough, and never beyond the limit."""
    return not rounds or seconds < timing.most and (rounds < timing.rounds or seconds < timing.seconds)


def _bound(session: onnxruntime.InferenceSession, feed: Feed) -> Callable[[], None]:
    """A run of a session on an input, to its end."""
    if any(isinstance(value, list) for value in feed.values()):
        held = dict(feed)
        return lambda: session.run(None, held)  # only tensors can be bound
    places = _places(session)
    binding = session.io_binding()
    taken = {i.name for i in session.get_inputs()}
    for name, value in ((n, v) for n, v in feed.items() if n in taken):
        if isinstance(value, list) or value.dtype.kind == "O":
            binding.bind_cpu_input(name, value)  # strings have no place on a device
        else:
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, *places.get(name, _HOST)))
    for output in session.get_outputs():
        binding.bind_output(output.name, *places.get(output.name, _HOST))

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def _places(session: onnxruntime.InferenceSession) -> Mapping[str, tuple[str, int]]:
    """The device that a session wants each input and output on; what is not there is wanted in the host's memory."""
    tensors = [*session.get_inputs(), *session.get_outputs()]
    if session.get_providers()[0] not in _GPU:
        return {}
    if not hasattr(session, "get_input_memory_infos"):
        return {tensor.name: ("cuda", 0) for tensor in tensors}
    infos = [*session.get_input_memory_infos(), *session.get_output_memory_infos()]
    found = {}
    for tensor, info in zip(tensors, infos, strict=True):
        if "cuda" in info.name.lower() and "pinned" not in info.name.lower():
            found[tensor.name] = "cuda", int(info.device_id)
    return found
