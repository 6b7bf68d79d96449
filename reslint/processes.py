"""What a process does so that nothing of it is left when the one that started it is gone, however that one ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

_PARENT_DIES = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_KILL = 9
_LOOK = 0.5  # seconds between two looks where the system tells nobody
_SWEEP = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


def die_with(parent: int) -> None:
    """End this process when `parent`, the one that started it, is gone: at once on Linux, soon elsewhere but on Windows."""
    if sys.platform == "win32":
        return
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PARENT_DIES, _KILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it was gone before
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


@contextmanager
def swept() -> Iterator[str]:
    """A folder that is gone when it is let go of, and when this process is killed: another one waits for that."""
    with TemporaryDirectory(prefix="reslint-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-I", "-S", "-c", _SWEEP, folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            yield folder
