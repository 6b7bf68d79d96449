"""Sessions and an input in, the seconds of each run out. Sessions take turns, so that a slow spell of the machine meets all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import onnxruntime

from reslint.runtime.job import Feed, Timing

_WARM_UP = 10  # runs: memory is laid out, kernels are chosen
_WARM_SHARE = 0.1  # of all the time that there is, at most
_GPU = frozenset({"CUDAExecutionProvider", "TensorrtExecutionProvider"})


def timed(
    sessions: Sequence[onnxruntime.InferenceSession], feed: Feed, timing: Timing
) -> tuple[tuple[float, ...], ...]:
    """The seconds of each session's runs; inputs and outputs stay on the device."""
    runs = [_bound(session, feed) for session in sessions]
    began = time.perf_counter()
    for _ in range(_WARM_UP):
        for run in runs:
            run()
        if time.perf_counter() - began > timing.most * _WARM_SHARE:
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
    return tuple(tuple(seconds) for seconds in found)


def goes_on(rounds: int, seconds: float, timing: Timing) -> bool:
    """Whether there is to be another round: until there were enough for long enough, and never beyond the limit."""
    return not rounds or seconds < timing.most and (rounds < timing.rounds or seconds < timing.seconds)


def _bound(session: onnxruntime.InferenceSession, feed: Feed) -> Callable[[], None]:
    """A run of a session on an input, to its end."""
    if any(isinstance(value, list) for value in feed.values()):
        held = dict(feed)
        return lambda: session.run(None, held)  # only tensors can be bound
    device = "cuda" if session.get_providers()[0] in _GPU else "cpu"
    binding = session.io_binding()
    for name, value in feed.items():
        if isinstance(value, list) or value.dtype.kind == "O":
            binding.bind_cpu_input(name, value)  # strings have no place on a device
        else:
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run
