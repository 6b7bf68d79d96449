"""Anatomy in, measurements out: ONNX Runtime in a process of its own. The only package that imports onnxruntime."""

from reslint.runtime.compare import Tolerances
from reslint.runtime.latency import ROUNDS
from reslint.runtime.launch import Limits, default_memory
from reslint.runtime.run import measured
from reslint.runtime.wanted import Measured, Wanted

__all__ = ["ROUNDS", "Limits", "Measured", "Tolerances", "Wanted", "default_memory", "measured"]
