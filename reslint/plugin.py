"""The .onnx files that pytest comes by in, a test for each out: `pytest --reslint`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reslint.errors import NotFetched, ReslintError

# Every run of pytest loads this where reslint is installed, so that onnx is imported only by a test that runs.


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--reslint`."""
    parser.getgroup("reslint").addoption("--reslint", action="store_true", help="check .onnx files as tests")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A model that is asked for; `exclude` of the configuration leaves out others than those named outright."""
    if file_path.suffix.lower() != ".onnx" or not parent.config.getoption("--reslint"):
        return None
    from reslint.config import load

    named = file_path in (parent.config.invocation_params.dir / arg for arg in parent.config.args)
    left_out = load(None, parent.config.rootpath).excludes(str(file_path)) and not named
    return None if left_out else ModelFile.from_parent(parent, path=file_path)


class ModelFile(pytest.File):
    """A model file, of which the only test is that reslint finds nothing bad."""

    def collect(self) -> Iterator[pytest.Item]:
        yield ModelItem.from_parent(self, name="reslint")


class ModelItem(pytest.Item):
    """A check of one model."""

    def runtest(self) -> None:
        from reslint.config import load
        from reslint.testing import assert_clean

        config = load(None, self.config.rootpath)
        shown = os.path.relpath(self.path)
        try:
            assert_clean(shown, config=config)
        except NotFetched as pointer:
            if config.at(shown).unread == "error":
                raise
            pytest.skip(str(pointer))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: None = None) -> str:  # type: ignore[override]
        """The findings, or what is wrong with the file; a bug keeps its traceback."""
        told = isinstance(excinfo.value, ReslintError | AssertionError)
        return str(excinfo.value if told else super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.path.name}: reslint"
