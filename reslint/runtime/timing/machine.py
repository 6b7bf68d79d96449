"""The machine that a model was timed on, in words: figures without it can't be compared."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reslint.runtime.protocol.providers import CPU, CUDA, TENSORRT, installed

_QUERY = "name,driver_version,clocks.sm,clocks.max.sm,memory.total,memory.used"
_CLOCKS = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def machine(provider: str, device: str = "0") -> Mapping[str, str]:
    """What is known of processor, GPU, driver, clocks and ONNX Runtime."""
    return dict(_known(provider, device))


def _known(provider: str, device: str) -> Iterator[tuple[str, str]]:
    yield "cpu", _processor()
    yield "cores", str(os.cpu_count() or 1)
    clocks = _clocks()
    if clocks:
        yield "clock", clocks
    if hasattr(os, "getloadavg"):
        yield "load", f"{os.getloadavg()[0]:.1f}"
    yield "onnxruntime", _version()
    if provider in (CUDA, TENSORRT):
        yield from _gpu(device)
    if provider != CPU:
        yield "provider", provider


def _processor() -> str:
    """The processor's name: Linux tells it in a file only."""
    file = Path("/proc/cpuinfo")
    if file.is_file():
        for line in file.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _clocks() -> str:
    """The governor and the largest clock, where the system tells them."""
    try:
        governor = (_CLOCKS / "scaling_governor").read_text().strip()
        most = int((_CLOCKS / "cpuinfo_max_freq").read_text()) / 1e6
    except (OSError, ValueError):
        return ""
    return f"{governor}, up to {most:.2f} GHz"


def _version() -> str:
    """All packages that brought it, since of two nobody can say which one it is."""
    return ", ".join(_versions()) or "a build of its own"


def _versions() -> Iterator[str]:
    for package in installed():
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _gpu(device: str) -> Iterator[tuple[str, str]]:
    """What the driver's own tool says of a GPU."""
    command = ["nvidia-smi", f"--id={device}", f"--query-gpu={_QUERY}", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    parts = [part.strip() for part in said.splitlines()[0].split(",")] if said.strip() else []
    yield from zip(
        ("gpu", "driver", "gpu clock", "gpu clock at most", "gpu memory", "gpu memory used"), parts, strict=False
    )
