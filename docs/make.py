"""The README, and the pages of docs/ and rules/, in; a site in build/site out: `python docs/make.py`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from reslint.cli.output.catalogue import facts
from reslint.rules import ALL, Rule

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build" / "docs"

_FENCE = re.compile(r"^```(?P<language>onnx|python) +(?P<words>[^\n]+)$", re.M)
_WORDS = {"run": "by running it", "flow": "by its gradients", "invalid": "the full check of onnx refuses it"}
_LINK = re.compile(r"\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def main() -> int:
    """Lay out the pages, and build the site so that a link that leads nowhere is an error."""
    lay_out()
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", "zensical.toml"]
    return subprocess.run(build, cwd=ROOT, check=False).returncode


def lay_out() -> None:
    """The pages as the site has them: the README first, and a list of all rules before their pages."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for folder in ("rules", "project"):
        (PAGES / folder).mkdir(parents=True)
    for page, place in pages():
        text = moved(page.read_text("utf-8"), page)
        (PAGES / place).write_text(headed(text, page.stem) if page.parent.name == "rules" else text, "utf-8")
    for picture in pictures():
        shutil.copy(picture, PAGES)
    shutil.copytree(ROOT / "docs" / "schemas", PAGES / "schemas")
    (PAGES / "rules" / "index.md").write_text("".join(index(ALL)), "utf-8")


def headed(text: str, name: str) -> str:
    """A rule's page with what is known of the rule under its name."""
    title, _, rest = text.partition("\n")
    rule = next((rule for rule in ALL if rule.name == name), None)
    return f"{title}\n\n*{facts(rule)}*\n{rest}" if rule else text


def pages() -> Iterator[tuple[Path, str]]:
    """Each page, and its place in the site."""
    yield ROOT / "README.md", "index.md"
    for page, name in (("CHANGELOG.md", "changes"), ("CONTRIBUTING.md", "contributing")):
        yield ROOT / page, f"project/{name}.md"
    for folder in ("bench", "fixtures", "fuzz"):
        yield ROOT / folder / "README.md", f"project/{folder}.md"
    for folder, place in (("docs", ""), ("rules", "rules/")):
        for page in sorted((ROOT / folder).glob("*.md")):
            yield page, f"{place}{page.name}"


def pictures() -> Iterator[Path]:
    """What the pages show."""
    return (file for file in (ROOT / "docs").iterdir() if file.suffix in (".svg", ".png"))


def moved(text: str, page: Path) -> str:
    """A page's text with links to where the other pages are in the site, and graphs under what is configured for them."""
    places = dict(pages())
    places |= {picture: picture.name for picture in pictures()}
    places[ROOT / "rules"] = "rules/index.md"
    up = "../" * places[page].count("/")

    def link(found: re.Match[str]) -> str:
        place = places.get((page.parent / found["path"]).resolve())
        return f"]({up}{place}{found['anchor'] or ''})" if place else found[0]

    return _FENCE.sub(lambda found: f"```{found['language']} title='{_said(found['words'])}'", _LINK.sub(link, text))


def _said(words: str) -> str:
    """The words behind a fence as a reader has them."""
    return ", ".join(_WORDS.get(word, word) for word in re.findall(r'(?:[^\s"]|"[^"]*")+', words))


def index(rules: tuple[Rule, ...]) -> Iterator[str]:
    """All rules, a table for each family."""
    yield "# Rules\n\n`reslint explain RULE` prints a page. Those marked *design* only matter before training.\n"
    for family, group in groupby(sorted(rules, key=lambda rule: rule.family), key=lambda rule: rule.family):
        yield f"\n## {family}\n\n| rule | severity | confidence | finds |\n|---|---|---|---|\n"
        for rule in filter(has_page, group):
            design = " *design*" if rule.design else ""
            yield f"| [{rule.name}]({rule.name}.md){design} | {rule.severity} | {rule.confidence} | {rule.summary} |\n"


def has_page(rule: Rule) -> bool:
    """Whether a rule has its page yet."""
    return (ROOT / "rules" / f"{rule.name}.md").is_file()


if __name__ == "__main__":
    sys.exit(main())
