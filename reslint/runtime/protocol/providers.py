"""The name of an execution provider in, what ONNX Runtime calls it out, or what to install."""

from __future__ import annotations

from collections.abc import Mapping
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

PACKAGES = ("onnxruntime", "onnxruntime-gpu")
_REMOVE = "pip uninstall -y onnxruntime onnxruntime-gpu"


def provider(name: str) -> str:
    """ONNX Runtime's own name of a provider. Raises RunFailed where the installed packages can't have it."""
    there = tuple(package for package in PACKAGES if _installed(package))
    if not there and find_spec("onnxruntime") is None:  # builds of other names exist
        raise RunFailed(
            "needs ONNX Runtime, which is not installed; pip install 'reslint[cpu]', or 'reslint[gpu]' for NVIDIA"
        )
    if len(there) > 1:
        raise RunFailed(
            "needs one ONNX Runtime, but both onnxruntime and onnxruntime-gpu are installed, and one overwrites the "
            f"other; {_REMOVE}; then pip install 'reslint[cpu]', or 'reslint[gpu]' for NVIDIA"
        )
    if name in _NVIDIA and there == ("onnxruntime",):
        raise RunFailed(f"needs onnxruntime-gpu for --provider {name}; {_REMOVE}; then pip install 'reslint[gpu]'")
    return NAMES[name]


def may_be_cuda() -> bool:
    """Whether the installed package is one that was built for CUDA."""
    return _installed("onnxruntime-gpu")


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
