"""reslint, a linter for residual connections in ONNX models: the public API, each name imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reslint.version import __version__

if TYPE_CHECKING:
    from reslint.anatomy import dissect
    from reslint.finding import Confidence, Finding, Severity
    from reslint.lint import check
    from reslint.net import read

__all__ = ["Confidence", "Finding", "Severity", "__version__", "check", "dissect", "read"]

# `reslint --help` must not pay for onnx, so that the names are looked up when they are used (PEP 562).
_HOMES = {
    "Confidence": "reslint.finding",
    "Finding": "reslint.finding",
    "Severity": "reslint.finding",
    "check": "reslint.lint",
    "dissect": "reslint.anatomy",
    "read": "reslint.net",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'reslint' has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
