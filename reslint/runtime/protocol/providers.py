"""The name of an execution provider in, what ONNX Runtime calls it out, or what to install."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from reslint.errors import RunFailed

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
NAMES: Mapping[str, str] = {
    "cpu": CPU,
    "cuda": CUDA,
    "tensorrt": TENSORRT,
    "coreml": "CoreMLExecutionProvider",
    "dml": "DmlExecutionProvider",
    "dnnl": "DnnlExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
_NVIDIA = ("cuda", "tensorrt")

PACKAGES = (
    *("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnxruntime-qnn"),
    *("onnxruntime-rocm", "onnxruntime-migraphx", "onnxruntime-webgpu", "onnxruntime-training"),
    *("ort-nightly", "ort-nightly-gpu", "ort-nightly-directml"),
)
"""What ONNX Runtime is installed as; all of them bring the same package, and which providers it has only that can say."""

_FOR_CUDA = ("onnxruntime-gpu", "ort-nightly-gpu", "onnxruntime-training")
_REMOVE = "pip uninstall -y onnxruntime onnxruntime-gpu"


def provider(name: str) -> str:
    """ONNX Runtime's own name of a provider. Raises RunFailed where no ONNX Runtime is installed."""
    if not installed() and find_spec("onnxruntime") is None:  # builds of other names exist
        raise RunFailed(
            "needs ONNX Runtime, which is not installed; pip install 'reslint[cpu]', or 'reslint[gpu]' for NVIDIA"
        )
    return NAMES[name]


def cached(folder: str) -> Mapping[str, str]:
    """Options that let TensorRT keep its engine and what it timed, for all processes of a run."""
    engine = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder}
    return {**engine, "trt_timing_cache_enable": "1", "trt_timing_cache_path": folder}


def advice(name: str) -> str:
    """What to do where a provider can't be used, by the packages that are there; empty where they are not to blame."""
    there = installed()
    if len(there) > 1:
        return f"; two packages of it are both installed, and one overwrites the other: {_again(name, there)}"
    if name in _NVIDIA and not any(package in _FOR_CUDA for package in there):
        return f"; needs onnxruntime-gpu for --provider {name}; {_again(name, there)}"
    return ""


def _again(name: str, there: Sequence[str]) -> str:
    remove = f"pip uninstall -y {' '.join(there)}" if there else _REMOVE
    return f"{remove}; then pip install '{'reslint[gpu]' if name in _NVIDIA else 'reslint[cpu]'}'"


def may_be_cuda() -> bool:
    """Whether a package is installed that was built for CUDA."""
    return any(package in _FOR_CUDA for package in installed())


def installed() -> tuple[str, ...]:
    """The packages of ONNX Runtime that are there."""
    return tuple(package for package in PACKAGES if _installed(package))


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
