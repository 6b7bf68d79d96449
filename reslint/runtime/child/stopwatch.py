"""Sessions and an input in, the seconds of each run out. Sessions take turns, so that a slow spell of the machine meets all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import onnxruntime

from reslint.runtime.protocol.job import Feed, Timing

_WARM_UP = 10  # runs: memory is laid out, kernels are chosen
_WARM_SHARE = 0.1  # of all the time that there is, at most
Start = Callable[[], onnxruntime.InferenceSession]
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
    return [tuple(seconds) for seconds in found]


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
    taken = {i.name for i in session.get_inputs()}
    for name, value in ((n, v) for n, v in feed.items() if n in taken):
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
