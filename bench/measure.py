"""A command in, how long it takes and how much memory it needs out; nothing here judges, others print ratios."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FLOOR = (sys.executable, "-c", "import onnx, networkx, click, numpy")
"""What every static check has to import, in one process."""

RESLINT = (sys.executable, "-m", "reslint")

COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""An environment in which Python keeps what it compiled, as it does for whoever installs reslint with pip."""


@dataclass(frozen=True, slots=True)
class Run:
    """The best of several runs: seconds on the wall, seconds of the processor, peak memory in MiB, exit status."""

    wall: float
    cpu: float
    peak: float
    status: int

    def against(self, other: Run) -> str:
        """This run as multiples of another one."""
        wall, cpu, peak = self.wall / other.wall, self.cpu / other.cpu, self.peak - other.peak
        return f"{wall:.2f} x time ({cpu:.2f} x processor), peak {peak:+.0f} MiB"


def measure(command: Sequence[str], times: int = 5) -> Run:
    """Run a command several times, one after the other, and keep the best of each figure."""
    runs = [_once(command) for _ in range(times)]
    return Run(*(min(getattr(r, k) for r in runs) for k in ("wall", "cpu", "peak")), runs[-1].status)


def _once(command: Sequence[str]) -> Run:
    start = time.perf_counter()
    # a fresh interpreter starts the command, since a child's peak memory begins with what its parent holds
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", _START, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=COMPILED
    )
    out, _ = child.communicate()
    wall = time.perf_counter() - start
    cpu, peak, status = out.decode().rsplit("\n", 2)[-2].split()
    return Run(wall, float(cpu), float(peak) / 1024, int(status))


_START = """
import os, resource, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
_, status, used = os.wait4(child, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def scratch() -> Path:
    """The folder for generated models, `RESLINT_BENCH` or one under the temporary folder."""
    import tempfile

    folder = Path(os.environ.get("RESLINT_BENCH", Path(tempfile.gettempdir()) / "reslint-bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
