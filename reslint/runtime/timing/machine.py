"""The machine that a model was timed on, in words: figures without it can't be compared."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reslint.runtime.protocol.providers import CPU, CUDA, PACKAGES, TENSORRT

_QUERY = "name,driver_version,clocks.sm,clocks.max.sm"
_CLOCKS = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def machine(provider: str) -> Mapping[str, str]:
    """What is known of processor, GPU, driver, clocks and ONNX Runtime."""
    return dict(_known(provider))


def _known(provider: str) -> Iterator[tuple[str, str]]:
    yield "cpu", _processor()
    yield "cores", str(os.cpu_count() or 1)
    clocks = _clocks()
    if clocks:
        yield "clock", clocks
    if hasattr(os, "getloadavg"):
        yield "load", f"{os.getloadavg()[0]:.1f}"
    yield "onnxruntime", _version()
    if provider in (CUDA, TENSORRT):
        yield from _gpu()
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
    for package in PACKAGES:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return "a build of its own"


def _gpu() -> Iterator[tuple[str, str]]:
    """What the driver's own tool says of the first GPU."""
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    parts = [part.strip() for part in said.splitlines()[0].split(",")] if said.strip() else []
    yield from zip(("gpu", "driver", "gpu clock", "gpu clock at most"), parts, strict=False)
