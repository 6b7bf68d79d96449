"""The site of documentation: it builds, its links lead somewhere, and it has all rules."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from pages import examples, pages
from pygments.token import Error

from reslint.lexer import OnnxLexer
from reslint.rules import ALL

ROOT = Path(__file__).parents[1]
SOURCES = (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").glob("*.md"), *pages())
MAKE = runpy.run_path(str(ROOT / "docs" / "make.py"))


@pytest.mark.parametrize("page", SOURCES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """As the pages lie in the repository; the site's builder looks at those of the site, anchors included."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        assert re.match(r"https?://|#", link) or (page.parent / link.partition("#")[0]).exists(), link


NAMED = re.compile(r"(?<![\w/.@-])(?:bench|docs|fixtures|reslint|rules|templates|tests)/[\w./-]*\w")
MADE = ("reslint/pages", "rules/index.md", "rules/NAME.", "reslint/rules/NAME.")
"""What is there when the package or the site is built, or stands for any rule."""


def test_files_that_are_named_are_there() -> None:
    """In pages, comments and docstrings alike: a reference is something that a reader of the repository can open."""
    texts = [*SOURCES, *(ROOT / "reslint").rglob("*.py"), *(ROOT / "bench").glob("*.py")]
    missing = {
        f"{source.relative_to(ROOT)} names {name}"
        for source in texts
        for name in NAMED.findall(source.read_text("utf-8"))
        if not (ROOT / name).exists() and not name.startswith(MADE)
    }
    assert missing == set()


@pytest.mark.tools
def test_site_builds() -> None:
    ended = subprocess.run([sys.executable, ROOT / "docs" / "make.py"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    site = ROOT / "build" / "site"
    assert all((site / "rules" / rule.name / "index.html").exists() for rule in ALL if MAKE["has_page"](rule))
    built = "".join(page.read_text() for page in (site / "rules").glob("*/index.html"))
    assert built.count('class="language-onnx highlight"') == sum(len(list(examples(page))) for page in pages())


def test_links_and_fences_are_moved(tmp_path: Path) -> None:
    moved = MAKE["moved"]
    assert moved("[a](rules/dead-branch.md#x) [b](CHANGELOG.md) ![c](docs/skeleton.svg)", ROOT / "README.md") == (
        "[a](rules/dead-branch.md#x) [b](project/changes.md) ![c](skeleton.svg)"
    )
    assert moved("[a](../CHANGELOG.md) [b](http://x)", pages()[0]) == "[a](../project/changes.md) [b](http://x)"
    assert moved('```onnx run expect={is="x"}\n', pages()[0]) == "```onnx title='by running it, expect={is=\"x\"}'\n"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_graphs_are_coloured(page: Path) -> None:
    for example in examples(page):
        wrong = [text for kind, text in OnnxLexer().get_tokens(example.text) if kind is Error]
        assert not wrong, example
