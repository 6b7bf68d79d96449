"""Sessions and an input in, the seconds of each run out. Sessions take turns, so that a slow spell of the machine meets all."""

from __future__ import annotations

import time
from collections.abc import Sequence

import onnxruntime

from reslint.runtime.job import Feed

_WARM_UP = 10  # runs: memory is laid out, kernels are chosen
_GPU = frozenset({"CUDAExecutionProvider", "TensorrtExecutionProvider"})


def timed(sessions: Sequence[onnxruntime.InferenceSession], feed: Feed, rounds: int) -> tuple[tuple[float, ...], ...]:
    """The seconds of each session's runs; inputs and outputs stay on the device."""
    bindings = [_bound(session, feed) for session in sessions]
    found: list[list[float]] = [[] for _ in sessions]
    for at in range(-_WARM_UP, rounds):
        for k in range(len(sessions)):
            turn = (k + at) % len(sessions)  # neither always goes first
            start = time.perf_counter()
            sessions[turn].run_with_iobinding(bindings[turn])
            bindings[turn].synchronize_outputs()
            if at >= 0:
                found[turn].append(time.perf_counter() - start)
    return tuple(tuple(seconds) for seconds in found)


def _bound(session: onnxruntime.InferenceSession, feed: Feed) -> onnxruntime.IOBinding:
    device = "cuda" if session.get_providers()[0] in _GPU else "cpu"
    binding = session.io_binding()
    for name, value in feed.items():
        if isinstance(value, list) or value.dtype.kind == "O":
            binding.bind_cpu_input(name, value)  # strings and sequences have no place on a device
        else:
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0))
    for output in session.get_outputs():
        binding.bind_output(output.name, device)
    return binding
