"""The same as `local`, by Ray: on this machine, or on the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from reslint.errors import BadConfiguration

T = TypeVar("T")
R = TypeVar("R")

_BATCH = 16  # tasks: what Ray adds to each call is shared by so many models
_AHEAD = 4  # batches for each processor that wait


def shared(tasks: Iterable[T], one: Callable[[T], R], died: Callable[[T], R]) -> Iterator[R]:
    """What `one` makes of each task, in order. Raises BadConfiguration where Ray is not installed or can't be reached."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise BadConfiguration("--engine ray needs Ray: pip install 'reslint[ray]'") from error
    try:
        ray.init(log_to_driver=False, include_dashboard=False, configure_logging=False, ignore_reinit_error=True)
    except Exception as error:  # a cluster that can't be reached raises what it likes
        raise BadConfiguration(f"--engine ray: {str(error).partition(chr(10))[0]}") from error

    batch = ray.remote(max_retries=2, num_cpus=1)(_many)  # again where a worker died; errors of a model are rows

    def results(some: list[T], future: object) -> Iterator[R]:
        """The results of a batch; one whose worker died again and again is asked for task by task."""
        try:
            found = ray.get(future)
        except ray.exceptions.WorkerCrashedError:
            found = [alone(task) for task in some]
        yield from found

    def alone(task: T) -> R:
        try:
            found: list[R] = ray.get(batch.remote(one, [task]))
        except ray.exceptions.WorkerCrashedError:
            return died(task)
        return found[0]

    most = _AHEAD * int(ray.cluster_resources().get("CPU", 1))
    waiting: deque[tuple[list[T], object]] = deque()
    rest = iter(tasks)
    try:
        while some := list(islice(rest, _BATCH)):
            waiting.append((some, batch.remote(one, some)))
            if len(waiting) >= most:
                yield from results(*waiting.popleft())
        while waiting:
            yield from results(*waiting.popleft())
    finally:
        ray.shutdown()


def _many(one: Callable[[T], R], some: list[T]) -> list[R]:
    return [one(task) for task in some]
