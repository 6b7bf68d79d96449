"""What mutations start from: the graphs of the rules' pages, onnx's own tests, and every file that was a fault once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx

HERE = Path(__file__).parent
LARGEST = 20_000  # bytes


def seeds(*, every: bool) -> tuple[bytes, ...]:
    """The seeds, always in the same order; with `every` also onnx's tests of nodes, which take seconds to make."""
    return (*kept(), *_pages(), *_wheel(), *(_nodes() if every else ()))


def kept() -> tuple[bytes, ...]:
    """The files that were faults."""
    return tuple(file.read_bytes() for file in sorted((HERE / "kept").glob("*.onnx")))


def _pages() -> Iterator[bytes]:
    sys.path.append(str(HERE.parent / "tests"))
    from pages import examples, pages

    for page in pages():
        for example in examples(page):
            if "invalid" not in example.words:
                yield example.model().SerializeToString()


def _wheel() -> Iterator[bytes]:
    data = Path(onnx.__file__).parent / "backend/test/data"
    for kind in ("simple", "light"):
        for file in sorted((data / kind).rglob("*.onnx")):
            if file.stat().st_size < LARGEST:
                yield file.read_bytes()


def _nodes() -> Iterator[bytes]:
    from onnx.backend.test.case.node import collect_testcases

    warnings.simplefilter("ignore")
    for case in collect_testcases(None):
        if case.model is not None and case.model.ByteSize() < LARGEST:
            yield case.model.SerializeToString()
