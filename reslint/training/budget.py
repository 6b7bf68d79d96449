"""`Budget` keeps what is done in a training loop within a share of its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """A share of this thread's time since it was made; the next time is expected to cost what the last one did, in seconds.

    The thread's own time, since on a machine that others use, too, the clock's says little of what a thing costs.
    """

    def __init__(self, share: float) -> None:
        self.share, self.begun = share, time.thread_time()
        self.spent = self.cost = 0.0

    @property
    def allows(self) -> bool:
        """Whether there is time for one more."""
        return self.spent + self.cost <= self.share * (time.thread_time() - self.begun)

    @contextmanager
    def spending(self, *, more: bool = False) -> Iterator[None]:
        """What is done inside counts; with `more` it belongs to what was done last."""
        start = time.thread_time()
        yield
        took = time.thread_time() - start
        self.spent, self.cost = self.spent + took, took + (self.cost if more else 0.0)
