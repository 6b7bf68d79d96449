"""The page of unused-parameters: each module on it is exported, and what is found there is what its comments say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pages import FOLDER

from reslint.anatomy import dissect
from reslint.export.capture import How
from reslint.export.exported import exported
from reslint.export.spec import spec
from reslint.lint import lint
from reslint.measure import Parameters
from reslint.net import from_proto
from reslint.rules import Settings
from reslint.rules.unused_parameters import unused_parameters

pytestmark = pytest.mark.torch

PAGE = (FOLDER / "unused-parameters.md").read_text("utf-8")
MODULES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MARK = "# unused-parameters"


@pytest.mark.parametrize("at", range(len(MODULES)))
@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_page(at: int, exporter: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"unused_{at}_{exporter}"
    code = f"import torch\nfrom torch import nn\n\n{MODULES[at]}"
    (here / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(here)
    monkeypatch.delitem(sys.modules, name, raising=False)
    made = exported(spec(f"{name}:{re.findall('class ([A-Z][a-z]+)', code)[-1]}", ["2x8"]), How(exporter))
    anatomy = dissect(from_proto(made.model))
    found = tuple(lint(anatomy, [unused_parameters], Settings(), name, measured=[Parameters(anatomy, made.unread)]))
    expected = {(f"{name}.py", line) for line, text in enumerate(code.splitlines(), 1) if MARK in text}
    assert {(finding.file, finding.line) for finding in found} == expected
    assert len(found) == len(expected)
    assert all(finding.module and finding.evidence["elements"] for finding in found)


def test_the_page_shows_both() -> None:
    assert sum(MARK in code for code in MODULES) == 2
    assert sum(MARK not in code for code in MODULES) == 2
