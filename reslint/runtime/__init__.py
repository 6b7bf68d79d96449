"""Anatomy in, measurements out: ONNX Runtime in a process of its own. The only package that imports onnxruntime."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reslint.runtime.agreement.compare import Tolerances
    from reslint.runtime.keeping.keep import USUAL
    from reslint.runtime.launch.process import Limits, default_memory
    from reslint.runtime.request import Measured, Module, Wanted
    from reslint.runtime.run import measured
    from reslint.runtime.timing.latency import ROUNDS

__all__ = ["ROUNDS", "USUAL", "Limits", "Measured", "Module", "Tolerances", "Wanted", "default_memory", "measured"]

# The child that runs a model starts anew for each run and needs none of these, nor onnx (PEP 562).
_HOMES = {
    "Limits": "launch.process",
    "Measured": "request",
    "Module": "request",
    "ROUNDS": "timing.latency",
    "Tolerances": "agreement.compare",
    "USUAL": "keeping.keep",
    "Wanted": "request",
    "default_memory": "launch.process",
    "measured": "run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'reslint.runtime' has no attribute {name!r}")
    found: object = getattr(import_module(f"reslint.runtime.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
