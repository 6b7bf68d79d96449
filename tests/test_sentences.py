"""What users read: sentences in form, the words of the glossary, and no phrase that a person would stumble over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reslint.cli import COMMANDS, reslint
from reslint.rules import ALL, Rule

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
SOURCES = sorted(file for file in (ROOT / "reslint").rglob("*.py"))
PAGES = (*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "rules").glob("*.md")), ROOT / "README.md")

BANNED = {
    r"(?<!here )(?<!hich )\bis no (?!longer|more|one|such|point)(?!\w+er\b)": "is not a ...",
    r"\bbehind (the|its|their|each|every) (last |first )?(merge|block|sum|stack)s?\b": "after the merge",
    r"\bthat is meant\b|\bis meant is none\b": "intentional",
    r"\bnext to nothing\b": "almost nothing",
    r"\btimes a block\b": "by a factor of ... per block",
    r"\bthe last one's\b": "that of the last",
    r"\blike blocks\b": "similar blocks, siblings",
    r"\b(the|it|them|that|what) (does|do) not (feel|tell)\b": "say what it does",
    r"\bgive it (longer|more)\b": "allow more",
    r"\bso that nobody knows\b": "so ... is unknown",
    r"\bjunctions?\b|\btrunk\b|\bresidual function\b": "the glossary's word",
    r"\bneighbours?\b|\bcolour\w*\b|\bbehaviour\b": "American spelling",
}
"""What no text for users has, and what stands there instead."""


def literals(file: Path) -> Iterator[tuple[int, str]]:
    """The text in a module that is no docstring; of an f-string its constant parts."""
    tree = ast.parse(file.read_text("utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.lineno, node.value


def prose(page: Path) -> str:
    """A page without its code: what is fenced, indented or in backticks."""
    text = re.sub(r"^```.*?^```$|^    .*$", "", page.read_text("utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def wrong(text: str) -> Iterator[str]:
    for pattern, instead in BANNED.items():
        if found := re.search(pattern, text):
            yield f"{found[0]!r}: write {instead!r}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_message_has_a_banned_phrase(file: Path) -> None:
    assert [f"{file}:{line}: {says}" for line, text in literals(file) for says in wrong(text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_has_a_banned_phrase(page: Path) -> None:
    if page.name != "glossary.md":  # which names the words that are not used
        assert list(wrong(prose(page))) == []


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_summary_is_a_sentence(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z][^.]+(\.\w[^.]*)*\.", rule.summary)
    assert len(rule.summary) <= 120
    assert list(wrong(rule.summary)) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_sentences(name: str) -> None:
    command = reslint.get_command(click.Context(reslint), name)
    assert command is not None
    first, *others = (command.help or "").split("\n\n")
    assert re.fullmatch(r"[A-Z].+\.", first.replace("\n", " "))
    assert all(part.rstrip().endswith((".", ":")) for part in others)
    assert list(wrong(command.help or "")) == []
    for option in command.params:
        if isinstance(option, click.Option) and option.name != "help":
            assert re.fullmatch(r"([A-Z]|ship:).*[.\d]", option.help or ""), option.name
            assert list(wrong(option.help or "")) == []


def test_each_word_is_explained_once() -> None:
    words = re.findall(r"\*\*([^*]+)\*\*", GLOSSARY)
    assert len(words) == len(set(words))
    assert {"Stream", "Fork", "Shortcut", "Branch", "Merge", "Block", "Stack", "Skeleton", "Projection"} <= set(words)


def test_kinds_and_placements_are_those_of_the_anatomy() -> None:
    from reslint.anatomy import Kind, Placement

    assert all(f"*{kind}*" in GLOSSARY for kind in (*Kind, *Placement))
