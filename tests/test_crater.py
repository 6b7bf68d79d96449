"""The crater: judgements are known words, the page counts what was found, and a model that is not judged is said to be so."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return ROOT / "bench"


ROWS = [
    {
        "profile": "ship",
        "library": "zoo",
        "model": f"zoo/{name}",
        "error": None,
        "findings": [{"rule": "odd-block", "severity": severity, "message": "m", "tensor": "t"}],
    }
    for name, severity in (("a", "warning"), ("b", "warning"), ("c", "note"))
]
KNOWN = [{"rule": "odd-block", "models": "zoo/a", "verdict": "true", "why": "it is"}]


def test_the_page_counts_and_tells_what_nobody_judged(bench: Path) -> None:
    text = "".join(import_module("crater").page(ROWS, KNOWN))
    assert "| odd-block | warning | 2 | 2 |" in text
    assert "2 warnings and errors on 3 models, 0.667 a model." in text
    assert "Of 2: 1 true, 1 not judged. Precision, where an arguable one counts as false: 0.50." in text
    assert "| odd-block | zoo/a | true | it is |" in text
    assert "| odd-block | zoo/b | not judged |  |" in text


def test_what_is_kept_is_judged_and_on_the_page(bench: Path) -> None:
    module = import_module("crater")
    rows, known = module.read(module.RESULTS), module.judgements()
    said = {
        module.judged(rule, model, known)["verdict"]
        for p, rule, severity, model, _ in module.told(rows)
        if p == "ship" and severity != "note"
    }
    assert said <= {*module.VERDICTS}
    assert len({row["model"] for row in rows}) >= 300
    assert (
        "".join(module.page(rows, known)).split("## Findings", 1)[1]
        == module.PAGE.read_text("utf-8").split("## Findings", 1)[1]
    )
