"""Plans and inputs in, a child process that runs them, its answer out; a crash is one line."""

from __future__ import annotations

import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from reslint.errors import RunFailed
from reslint.runtime.protocol.job import Answer, Feed, Job, Plan, Timing
from reslint.runtime.protocol.packing import unpacked

_ROOT = str(Path(__file__).parents[3])
# The current folder stays off the path (-P): it may hold an onnxruntime.py that is none of ours.
_START = f"import sys; sys.path.append({_ROOT!r}); from reslint.runtime.child.main import main; main()"

_SILENT = {"ORT_DISABLE_TELEMETRY": "1"}  # else ONNX Runtime leaves a file in the temporary folder, and calls Microsoft
_NO_MEMORY = ("MemoryError", "bad_alloc", "bad allocation", "Failed to allocate memory", "pthread_create failed")
# Where in its own source ONNX Runtime fails: a path, a line, and the signature of a function.
_SOURCE = re.compile(r"\S*onnxruntime\S*:\d+ [^()]*\([^()]*\)(::<lambda\(\)>)?( const)?( \[with [^\]]*\])? ")
_DRIVER = re.compile(
    r"(CUDA driver version is insufficient[^\r\n]*|no CUDA-capable device[^\r\n]*|CUDA failure \d+:[^\r\n]*)"
)
_SHARE = 8
"""The part of a run's memory that its outputs may take: they are held several times, and compared in double precision."""
_MOST = 4 << 30  # bytes of outputs where there is no limit of memory
_BESIDE = 1 << 28  # bytes of an answer beside them
_SAID = 1 << 16  # bytes of messages that are read
_OUT = "ran out of memory; allow more with --memory, or use smaller inputs with --dim"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take: seconds for all of its processes, and bytes of address space for each (0: no limit).

    `until` is when its time is over by the monotonic clock, once it is running.
    """

    seconds: float = 600
    memory: int = 0
    until: float = math.inf

    def running(self) -> Limits:
        """The same from now on."""
        return replace(self, until=time.monotonic() + self.seconds)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, min(self.seconds, self.until - time.monotonic()))


def launch(
    plans: tuple[Plan, ...], feeds: tuple[tuple[Feed, ...], ...], limits: Limits, timing: Timing | None = None
) -> Answer:
    """Run the plans in a process of their own. Raises RunFailed with one line where that process ends otherwise than well."""
    most = limits.memory // _SHARE or _MOST
    job = pickle.dumps(Job(plans, feeds, limits.memory, most, os.getpid(), timing))
    with TemporaryFile() as answers, TemporaryFile() as errors:  # without a name: a process that is killed leaves none
        try:
            ended = subprocess.run(
                [sys.executable, "-P", "-c", _START],
                input=job,
                stdout=answers,
                stderr=errors,
                env={**os.environ, **_SILENT},
                timeout=limits.left,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunFailed(f"was stopped after {limits.seconds:g} s; allow more time with --timeout") from error
        said = _last(errors)
        size = os.fstat(answers.fileno()).st_size
        if ended.returncode:
            raise RunFailed(_died(ended.returncode, said.decode("utf-8", "replace")))
        if size > most + _BESIDE:
            raise RunFailed(_OUT)
        answers.seek(0)
        try:
            with open(answers.fileno(), "rb", closefd=False) as file:
                answer = unpacked(file, size)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise RunFailed(_died(0, said.decode("utf-8", "replace"))) from error
        except MemoryError as error:
            raise RunFailed(_OUT) from error
    return replace(answer, error=f"{answer.error}{cause(said)}") if answer.error else answer


def _last(errors: BinaryIO) -> bytes:
    """The end of what a process said on standard error."""
    errors.seek(max(0, os.fstat(errors.fileno()).st_size - _SAID))
    return errors.read(_SAID)


def cause(errors: bytes) -> str:
    """What a provider's library lacks: ONNX Runtime only logs it, and goes on without the provider."""
    text = errors.decode("utf-8", "replace")
    found = re.search(r"Failed to load library \S+ with error: ([^\r\n]+)", text) or _DRIVER.search(text)
    return f" ({found[1].strip()})" if found else ""


def default_memory() -> int:
    """The bytes of this machine's memory: a model that takes more is stopped before the machine is."""
    if sys.platform == "win32":
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def told(error: str) -> str:
    """ONNX Runtime's message without its own prefix, on one line."""
    text = _SOURCE.sub("", " ".join(error.split()))
    if any(sign in text for sign in _NO_MEMORY):
        return _OUT
    label, _, rest = text.partition(": [ONNXRuntimeError] : ")
    said = rest.partition(" : ")[2].partition(" : ")[2] if rest else ""
    return f"{f'{label}: {said}' if said else text}{_advice(text)}"


def _advice(text: str) -> str:
    """What to do where ONNX Runtime lacks an op, or its Python a type."""
    if "is not a registered function/op" in text:
        return "; if a library of custom ops has it, name the library with --custom-ops"
    if "Could not find an implementation for" in text:
        return "; ONNX Runtime has no such op for this type or version: try another opset or precision"
    if "can't be converted to MLDataType" in text or "No corresponding Numpy type" in text:
        return (
            "; ONNX Runtime's Python can't exchange tensors of this type: add a Cast at the model's inputs and outputs"
        )
    return ""


def _died(status: int, errors: str) -> str:
    last = next(reversed([line for line in errors.splitlines() if line.strip()]), "")
    if status == -signal.SIGKILL or any(sign in errors for sign in _NO_MEMORY):
        return _OUT
    if status < 0:
        hint = f": {last}" if last else "; if memory was short, allow more with --memory"
        return f"crashed ONNX Runtime ({signal.Signals(-status).name}){hint}"
    return f"could not be run: {last or f'the process ended with status {status}'}"
