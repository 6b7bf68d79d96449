"""A plan in, the providers with their options as ONNX Runtime takes them out; NVIDIA's libraries are loaded from wheels."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import onnxruntime

from reslint.runtime.protocol.job import Plan
from reslint.runtime.protocol.providers import CPU, CUDA, TENSORRT

_OURS = "trt_"  # what the options of TensorRT begin with
_LIBRARIES = ("cudart", "nvrtc", "nvJitLink", "cublasLt", "cublas", "cufft", "curand", "cudnn")


def order(plan: Plan) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The provider, then those that it leaves nodes to. What the user gave goes before what is set here."""
    if plan.provider not in (CUDA, TENSORRT):
        yield plan.provider, dict(plan.given)
        yield CPU, {}
        return
    shared = {key: value for key, value in plan.given.items() if not key.startswith(_OURS)}
    if plan.provider == TENSORRT:
        own = {key: value for key, value in plan.given.items() if key.startswith(_OURS)}
        device = {"device_id": shared["device_id"]} if "device_id" in shared else {}
        yield TENSORRT, {"trt_layer_norm_fp32_fallback": "1", **device, **own}
    # TF32 has ten bits of mantissa; the strict mode sums a fused normalization in float32.
    exact = {"use_tf32": "0", "enable_skip_layer_norm_strict_mode": "1"} if plan.exact else {}
    yield CUDA, {**exact, **shared}
    yield CPU, {}


def preload(provider: str) -> None:
    """Load NVIDIA's libraries, wherever wheels put them; where there are none, the session says what it misses."""
    if provider not in (CUDA, TENSORRT):
        return
    if hasattr(onnxruntime, "preload_dlls"):
        with suppress(OSError):
            onnxruntime.preload_dlls()
    todo = [file for folder in _folders() for file in libraries(folder)]
    while todo:  # one may need another that comes later
        left = [file for file in todo if not _loaded(file)]
        if len(left) == len(todo):
            break
        todo = left
    if provider == TENSORRT:
        with suppress(ImportError, OSError):
            import_module("tensorrt")


def _folders() -> Iterator[Path]:
    """Where `nvidia` packages lie: beside ONNX Runtime, in a user's or another environment's folder, beside torch's."""
    for place in dict.fromkeys(sys.path):
        if place:
            yield from (folder for folder in Path(place, "nvidia").glob("*/lib") if folder.is_dir())


def libraries(folder: Path) -> Iterator[Path]:
    """The libraries of a folder that ONNX Runtime needs."""
    for name in _LIBRARIES:
        yield from sorted(folder.glob(f"lib{name}*.so.*"))


def _loaded(file: Path) -> bool:
    try:
        ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
