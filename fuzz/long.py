"""Damaged models in, faults out, for as long as one likes: python fuzz/long.py OUT [--seconds 3600] [--master 1]

A process looks at one input after the other; where it dies or is stuck, another one goes on behind. Input number N is a
function of the master seed, of N and of the seeds: `--only N` looks at it again. OUT gets each fault as a file, and
faults.jsonl with its traceback. A fault that is mended goes to fuzz/kept, where each later run, and the tests, start from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import time
import traceback
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutate import of_bytes, of_structure
from seeds import seeds
from target import MODES, SECRET, guard, look

SLOW, STUCK = 12, 40  # seconds of processor time, and by the clock times four
MEMORY = 4 << 30
PORTION = 5000  # inputs of one process
STEPS = (1, 1, 2, 2, 3, 4, 6, 10)


class Hang(BaseException):
    """The alarm."""


def _ring(number: int, frame: FrameType | None) -> None:
    raise Hang


def made(held: tuple[bytes, ...], master: int, number: int) -> tuple[bytes, str]:
    """An input, and the mode in which it is looked at."""
    r = Random(f"{master}:{number}")
    data, other = r.choice(held), r.choice(held)
    mode = r.choices(tuple(MODES), (66, 8, 7, 5, 5, 5, 4))[0]
    try:
        if r.random() > 0.22:
            data = of_structure(data, other, r, r.choice(STEPS))
        if r.random() < 0.25:
            data = of_bytes(data, other, r)
    except Exception:  # a kept seed that is no protobuf
        data = of_bytes(data, other, r)
    return data, mode


def _worker(held: tuple[bytes, ...], master: int, number: int, until: float, out: Path, page: mmap.mmap) -> None:
    above = Path(mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    folder = above / "inside"
    folder.mkdir()
    (above / SECRET).write_bytes(bytes(4096))
    os.symlink(above / SECRET, folder / "link")
    os.mkfifo(folder / "fifo")
    (folder / "x").write_bytes(bytes(4096))
    os.chdir(folder)
    guard(above)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _ring)
    last = number + PORTION
    try:
        while number < last and time.time() < until:
            data, mode = made(held, master, number)
            page[:24] = struct.pack("<QdQ", number, time.time(), 1)
            try:
                signal.setitimer(signal.ITIMER_PROF, SLOW)
                look(data, mode, folder)
            except BaseException as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                if isinstance(error, KeyboardInterrupt):
                    raise
                _note(out, data, number, mode, type(error).__name__, traceback.format_exc())
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            number += 1
            page[:8] = struct.pack("<Q", number)
    finally:
        os.chdir("/")
        shutil.rmtree(above, ignore_errors=True)


def _note(out: Path, data: bytes, number: int, mode: str, what: str, trace: str) -> None:
    frames = [line.strip() for line in trace.splitlines() if "/reslint/" in line]
    key = hashlib.sha256(f"{what} {frames[-1:]}".encode()).hexdigest()[:10]
    file = out / f"{key}.onnx"
    if not file.exists() or file.stat().st_size > len(data):
        file.write_bytes(data)
    with (out / "faults.jsonl").open("a") as log:
        row = {"number": number, "mode": mode, "what": what, "key": key, "where": frames[-1:], "trace": trace[-3000:]}
        print(json.dumps(row), file=log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--master", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    held = seeds(every=True)
    if given.only is not None:
        data, mode = made(held, given.master, given.only)
        (out / f"only-{given.only}.onnx").write_bytes(data)
        print(mode, look(data, mode, out))
        return
    page = mmap.mmap(-1, 4096)
    number, until = given.first, time.time() + given.seconds
    while time.time() < until:
        page[:24] = struct.pack("<QdQ", number, time.time(), 0)
        pid = os.fork()
        if not pid:
            try:
                _worker(held, given.master, number, until, out, page)
            finally:
                os._exit(0)
        said = _watched(pid, page)
        number = struct.unpack("<Q", page[:8])[0]
        if said:
            data, mode = made(held, given.master, number)
            _note(out, data, number, mode, said, "")
            number += 1
    print(f"{number - given.first} inputs of {len(held)} seeds; faults: {_count(out)}")


def _watched(pid: int, page: mmap.mmap) -> str:
    """How a process ended, empty where it ended by itself."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return f"died of signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
        _, began, running = struct.unpack("<QdQ", page[:24])
        if running and time.time() - began > STUCK * 4:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "stuck"
        time.sleep(0.2)


def _count(out: Path) -> int:
    log = out / "faults.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


if __name__ == "__main__":
    main()
