"""Paths in, what is seen in each model out, in order; by several processes where there is enough to do for them."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from reslint.cache import Cache, Stamp, stamps
from reslint.config import Config
from reslint.look import files, look
from reslint.remote.address import is_remote, shown
from reslint.result import Looked

if TYPE_CHECKING:
    from concurrent.futures import Future

PAYS = 3.0
"""Seconds of the processor's time that must be left: a process that helps needs half of one to import what is here already.

Not seconds on the wall: where others keep the processors busy, more processes help nobody.
"""

_FIRST = 1  # model, which pays for what is imported when it is needed


def fresh(paths: Sequence[str], config: Config, remembered: Cache | None, *, drawn: bool) -> Iterator[Looked]:
    """What is seen in each model now; it is remembered for the next time."""
    for looked, before in _seen(paths, partial(_one, config, drawn)):
        if (
            remembered and not is_remote(looked.path) and not config.factory(looked.path)
        ):  # nobody knows what a PyTorch model was made from
            remembered.keep(looked, before)
        yield looked
    if remembered and paths:
        remembered.tidy()


Sight = tuple[Looked, tuple[Stamp, ...]]
"""What is seen in a model, and the files that this was made from as they were before."""


def _seen(paths: Sequence[str], one: Callable[[str], Sight]) -> Iterator[Sight]:
    """The first models tell how long one takes; the others are shared out where that is expected to be faster."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    start = 0.0
    for at, path in enumerate(paths):
        left = len(paths) - at
        if at > _FIRST and min(cores, left) > 1 and (time.process_time() - start) / (at - _FIRST) * left > PAYS:
            yield from _shared(paths[at:], one, min(cores, left))
            return
        yield one(path)
        if at < _FIRST:
            start = time.process_time()


def _shared(paths: Sequence[str], one: Callable[[str], Sight], workers: int) -> Iterator[Sight]:
    from concurrent.futures import ProcessPoolExecutor  # most runs are over before it would pay to import these
    from multiprocessing import active_children, get_context

    # Spawned, not forked: numpy and onnx have threads, which a fork would not take along.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)
    try:
        with _held():
            sights = [
                pool.submit(one, path) for path in paths
            ]  # not by map, whose end cancels what a dead process breaks
        for path, sight in zip(paths, sights, strict=True):
            yield _result(path, sight, one)
    except BaseException:  # nobody wants the rest: Ctrl-C
        for process in active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown()


def _result(path: str, sight: Future[Sight], one: Callable[[str], Sight]) -> Sight:
    """What a process saw in a model. Where one died, all its and the others' models are looked at again, each by its own."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        return sight.result()
    except BrokenProcessPool:
        return _alone(path, one)


def _alone(path: str, one: Callable[[str], Sight]) -> Sight:
    """What a process of its own sees in a model; one line where it dies."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, get_context("spawn"), _begin) as pool:
        with _held():
            sight = pool.submit(one, path)
        try:
            return sight.result()
        except BrokenProcessPool:
            says = "ended the process that checked it; the system does this when memory runs out"
            return Looked(shown(path), error=says, fails=True), ()


@contextmanager
def _held() -> Iterator[None]:
    """Hold Ctrl-C back until the end; a process that is begun meanwhile never gets it, not even while it imports.

    That is what the mask is for, which the process inherits. This one would hear of it all the same, since numpy's threads
    have no mask, and a process that is begun by half tells the user so.
    """
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # now, since it lets Ctrl-C through
    if threading.current_thread() is not threading.main_thread():  # which never hears of it
        yield
        return
    pressed: list[int] = []
    heard = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        with _masked():
            yield
    finally:
        signal.signal(signal.SIGINT, heard)
    if pressed and callable(heard):
        heard(pressed[0], None)  # not raised anew: the interpreter may look for signals only when the next result comes
    elif pressed:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _masked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked gets it, too, and ends this one
    threading.Thread(target=_end, daemon=True).start()
    gc.disable()  # as in the first process


def _end() -> None:
    """Wait until the process that asked is gone, and go, too: a killed one tells nobody."""
    from multiprocessing import parent_process

    if asked := parent_process():
        asked.join()
        os._exit(1)


def _one(config: Config, drawn: bool, path: str) -> Sight:
    if is_remote(path):
        return look(path, config, drawn=drawn).looked, ()
    before = stamps([path])
    seen = look(path, config, drawn=drawn)
    return seen.looked, (*before, *stamps(files(path, seen.anatomy)[1:]))
