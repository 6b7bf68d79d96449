"""Graphs that are meant to take long in, how reslint's time grows with them out.

    python bench/strained.py [NAME ...] [--seconds 40]

Each size is a check in a process of its own, with 6 GB of address space. The exponent is that of the processor's time over the
bytes of the file, from the last two sizes that ended; times below 0.05 s count as 0.05.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import math
import os
import resource
import sys
from pathlib import Path

from measure import scratch
from strain import GENERATORS

from reslint import api
from reslint.config import Config
from reslint.errors import ReslintError

CONFIG = Config(profile="design", confidence="possible")
SHORT = 0.05
ENOUGH = 12  # seconds, after which no larger size is tried
MEMORY = 6 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(GENERATORS), metavar="NAME")
    parser.add_argument("--seconds", type=int, default=40)
    given = parser.parse_args()
    for name in given.names:
        sizes, make = GENERATORS[name]
        rows: list[tuple[int, float]] = []
        for size in sizes:
            file = scratch() / f"{name}_{size}.onnx"
            file.write_bytes(make(size).SerializeToString())
            spent, peak, said = measured(file, given.seconds)
            rows.append((file.stat().st_size, spent))
            file.unlink()
            print(f"{name:28}{size:7} {spent:7.2f} s {peak:6} MB  {said}", flush=True)
            if spent > ENOUGH:
                break
        if len(rows) > 1:
            (a, s), (b, t) = rows[-2:]
            print(f"{name:28}exponent {math.log(max(t, SHORT) / max(s, SHORT)) / math.log(b / a):.2f}", flush=True)


def measured(file: Path, seconds: int) -> tuple[float, int, str]:
    """Seconds of processor time, megabytes at the peak, and how it ended."""
    read, written = os.pipe()
    pid = os.fork()
    if not pid:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        gc.disable()  # as the command line does
        os.write(written, _looked(file).encode()[:300])
        atexit._run_exitfuncs()  # whose time counts as well: onnx's inference runs in a process of its own
        os._exit(0)
    os.close(written)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    _, status, used = os.wait4(pid, 0)
    if os.WIFSIGNALED(status):
        said = f"killed by signal {os.WTERMSIG(status)}"
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10, said


def _looked(file: Path) -> str:
    try:
        anatomy = api.dissect(str(file))
        looked = api.examined(str(file), anatomy, CONFIG, api.statically)
    except ReslintError as error:
        return f"refused: {str(error)[:80]}"
    except BaseException as error:  # what is measured must not end the measuring
        return f"FAILED {error!r}"
    return (
        f"{looked.blocks} blocks, {len(looked.findings)} findings{''.join(f', {line}' for line in looked.unread)[:100]}"
    )


sys.exit(main())
