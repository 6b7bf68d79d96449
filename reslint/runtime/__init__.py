"""Anatomy in, measurements out: ONNX Runtime in a process of its own. The only package that imports onnxruntime."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reslint.runtime.compare import Tolerances
    from reslint.runtime.latency import ROUNDS
    from reslint.runtime.launch import Limits, default_memory
    from reslint.runtime.run import measured
    from reslint.runtime.wanted import Measured, Wanted

__all__ = ["ROUNDS", "Limits", "Measured", "Tolerances", "Wanted", "default_memory", "measured"]

# The child that runs a model starts anew for each run and needs none of these, nor onnx (PEP 562).
_HOMES = {
    "Limits": "launch",
    "Measured": "wanted",
    "ROUNDS": "latency",
    "Tolerances": "compare",
    "Wanted": "wanted",
    "default_memory": "launch",
    "measured": "run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'reslint.runtime' has no attribute {name!r}")
    found: object = getattr(import_module(f"reslint.runtime.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
