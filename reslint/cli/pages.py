"""The pages of the rules in, a rule's page and the names that a shell may complete out; the rules themselves need onnx."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

PACKAGE = Path(__file__).parents[1]
PAGES = (PACKAGE / "pages", PACKAGE.parent / "rules")
"""Where the pages lie: inside an installed package, or beside it in a checkout."""

FAMILIES = ("file", "shortcut", "norm", "depth", "cost", "numerics", "flow", "latency")


def page(rule: str) -> Path | None:
    """A rule's page, None where it has none."""
    return next((file for folder in PAGES if (file := folder / f"{rule}.md").is_file()), None)


def rule(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """The rules whose names begin as what is typed does."""
    return _beginning(typed, _rules())


def selector(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """What may select rules: names, families and first words; behind a comma another one begins."""
    before, comma, last = typed.rpartition(",")
    names = _rules()
    found = _beginning(last, (*names, *FAMILIES, *(name.partition("-")[0] for name in names)))
    return [f"{before}{comma}{name}" for name in found]


def _rules() -> list[str]:
    return [file.stem for folder in PAGES if folder.is_dir() for file in folder.glob("*.md")]


def _beginning(typed: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(typed)})
