"""Tasks in, what was made of each out, in order, by processes of this machine; one that ends its process costs only itself."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from reslint.processes import die_with

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 16  # tasks for each process that wait: all of a million would take memory, too few leave processes idle
_TRIES = 2  # in company; then a task is given a process of its own


def shared(tasks: Iterable[T], one: Callable[[T], R], died: Callable[[T], R], workers: int) -> Iterator[R]:
    """What `one` makes of each task; `died` says it of a task whose process ended, which others do where memory is short."""
    waiting: deque[tuple[T, Future[R], int]] = deque()
    pool = _pool(workers)
    try:
        for task in tasks:
            pool, future = _submitted(pool, one, task, workers)
            waiting.append((task, future, 1))
            while len(waiting) >= workers * _AHEAD:
                pool, results = _next(pool, waiting, one, died, workers)
                yield from results
        while waiting:
            pool, results = _next(pool, waiting, one, died, workers)
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def _next(
    pool: ProcessPoolExecutor,
    waiting: deque[tuple[T, Future[R], int]],
    one: Callable[[T], R],
    died: Callable[[T], R],
    workers: int,
) -> tuple[ProcessPoolExecutor, tuple[R, ...]]:
    """The result of the first task. Where a process died, all that wait are asked for again."""
    task, future, tries = waiting.popleft()
    try:
        return pool, (future.result(),)
    except BrokenProcessPool:
        pass
    if tries >= _TRIES:
        return pool, (_alone(task, one, died),)
    held = [(task, future, tries), *waiting]
    waiting.clear()
    for t, f, n in held:
        if _is_broken(f):
            pool, f = _submitted(pool, one, t, workers)
            n += 1
        waiting.append((t, f, n))
    return pool, ()


def _is_broken(future: Future[R]) -> bool:
    return future.done() and isinstance(future.exception(), BrokenProcessPool)


def _submitted(
    pool: ProcessPoolExecutor, one: Callable[[T], R], task: T, workers: int
) -> tuple[ProcessPoolExecutor, Future[R]]:
    try:
        return pool, pool.submit(one, task)
    except BrokenProcessPool:
        pool.shutdown()
        pool = _pool(workers)
        return pool, pool.submit(one, task)


def _alone(task: T, one: Callable[[T], R], died: Callable[[T], R]) -> R:
    with _pool(1) as pool:
        try:
            return pool.submit(one, task).result()
        except BrokenProcessPool:
            return died(task)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: numpy and onnx have threads, which a fork would not take along.
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin, (os.getpid(),))


def _begin(asked: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked gets it, too, and ends this one
    die_with(asked)
