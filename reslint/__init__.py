"""reslint, a linter for residual connections in ONNX models: the public API, each name imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reslint.version import __version__

if TYPE_CHECKING:
    from reslint.api import check, diff, dissect, graph, run
    from reslint.config import Config
    from reslint.finding import Confidence, Finding, Severity
    from reslint.net import read

__all__ = [
    "Confidence",
    "Config",
    "Finding",
    "Severity",
    "__version__",
    "check",
    "diff",
    "dissect",
    "graph",
    "read",
    "run",
]

# `reslint --help` must not pay for onnx, so that the names are looked up when they are used (PEP 562).
_HOMES = {
    "Confidence": "reslint.finding",
    "Config": "reslint.config",
    "Finding": "reslint.finding",
    "Severity": "reslint.finding",
    "check": "reslint.api",
    "diff": "reslint.api",
    "dissect": "reslint.api",
    "graph": "reslint.api",
    "read": "reslint.net",
    "run": "reslint.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'reslint' has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
