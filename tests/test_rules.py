"""The catalogue: each rule is what the contract says, has its module, and its page says and shows all that it must."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import FOLDER, Example, Program, examples, pages, programs

from reslint.config import KEYS, load
from reslint.finding import Severity
from reslint.rules import ALL, Rule

TABLE = """
file training-mode-op error
file baked-dimension warning
file unfused-reparam note
file unused-parameters warning
file skeleton-differs error
file opset-or-domain-unknown note
shortcut shortcut-shape-mismatch error
shortcut shortcut-broadcast error
shortcut shortcut-layout-mismatch warning
shortcut shortcut-dynamic-mismatch warning
shortcut skip-dynamic-mismatch warning
shortcut shortcut-not-identity warning
shortcut shortcut-low-precision warning
shortcut one-sided-quantization note
shortcut missing-shortcut warning
shortcut empty-branch error
shortcut repeated-shortcut warning
shortcut shortcut-not-bypassing warning
shortcut captured-shortcut warning
shortcut stale-shortcut warning
shortcut odd-block warning
shortcut named-but-plain note design
shortcut shared-weights note
shortcut affine-branch note design
shortcut dead-branch warning
shortcut branch-nonnegative warning design
shortcut activation-after-add note design
shortcut needless-projection note design
shortcut lossy-downsample note design
norm missing-normalization warning
norm inconsistent-normalization warning
norm missing-final-norm warning
norm norm-after-add warning design
norm double-normalization note
norm inconsistent-epsilon note design
norm half-precision-norm warning
norm deepnorm-mismatch note design
norm deep-post-norm warning design
norm unsafe-epsilon warning
norm degenerate-normalization warning
norm stream-narrowed warning
depth plain-depth warning design
depth depth-limit warning
depth unbounded-depth warning
depth depth-over-width note design
depth depth-over-data warning design
depth excess-depth note
cost cost-budget error
cost costly-shortcut note design
cost dense-memory note design
cost fusion-blocked note
numerics nonfinite-values error
numerics reference-mismatch error
numerics optimizer-divergence warning
numerics provider-divergence warning
numerics half-overflow warning
numerics signal-growth warning
numerics signal-decay warning
numerics block-error warning
numerics idle-branch note
numerics nondeterministic-output warning
flow vanishing-gradient warning
flow exploding-gradient warning
flow shortcut-carries-nothing note
flow initialization-sensitive warning
flow narrow-learning-rate warning
flow depth-scaling note
latency provider-fallback error
latency latency-budget error
latency latency-regression error
"""
"""The contract's table: family, name, severity, and whether only the design profile has it."""

CONTRACT = {name: (family, severity, bool(d)) for family, name, severity, *d in map(str.split, TABLE.split("\n")[1:-1])}
PARTS = ("What it does", "Why it is bad", "Examples", "When to ignore it")
STATIC = ("file", "shortcut", "norm", "depth", "cost")
COMPARING = (
    "named-but-plain",
    "unused-parameters",
    "optimizer-divergence",
    "provider-divergence",
    "reference-mismatch",
    "block-error",
    "provider-fallback",
    "latency-budget",
    "latency-regression",
)
"""Rules that no graph on a page shows: they need another model, a wrong optimizer or machine, time, PyTorch or its notes."""

PAGES = {page.stem: tuple(examples(page)) for page in pages()}
PROGRAMS = {page.stem: tuple(programs(page)) for page in pages()}


def text(rule: Rule) -> str:
    return (FOLDER / f"{rule.name}.md").read_text("utf-8")


def headings(page: str) -> list[str]:
    outside = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^## (.*)$", outside, re.MULTILINE)


def fires(rule: Rule, shown: tuple[Example | Program, ...]) -> Iterator[Example | Program]:
    for example in shown:
        names = example.expected if isinstance(example, Program) else {name for _, name in example.expected}
        if rule.name in names:
            yield example


each = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)


@each
def test_it_is_what_the_contract_says(rule: Rule) -> None:
    assert (rule.family, str(rule.severity), rule.design) == CONTRACT[rule.name]
    assert rule.severity in Severity


@each
def test_it_has_a_module_of_its_name(rule: Rule) -> None:
    module = importlib.import_module(f"reslint.rules.{rule.name.replace('-', '_')}")
    assert getattr(module, rule.name.replace("-", "_")) is rule
    assert rule.summary.endswith(".")


@each
def test_its_page_has_all_parts(rule: Rule) -> None:
    assert text(rule).startswith(f"# {rule.name}\n")
    parts = headings(text(rule))
    assert tuple(part for part in parts if part != "Options") == PARTS
    assert "Options" not in parts or parts[-1] == "Options"


@pytest.mark.parametrize("rule", [r for r in ALL if r.name not in COMPARING], ids=lambda rule: rule.name)
def test_its_page_shows_one_failing_and_two_passing_graphs(rule: Rule) -> None:
    shown: tuple[Example | Program, ...] = (*PAGES[rule.name], *PROGRAMS[rule.name])
    failing = tuple(fires(rule, shown))
    assert failing
    assert all(example.part == "Fails" for example in failing)
    assert sum(example.part == "Passes" for example in shown) >= 2
    assert "trap" in text(rule).lower()


@each
def test_what_its_page_configures_is_documented(rule: Rule) -> None:
    given = {word.split("=")[0] for example in PAGES[rule.name] for word in example.words if "=" in word}
    assert given <= set(KEYS)
    told = text(rule).partition("\n## Options\n")[2]
    assert all(f"`{key}`" in told for key in given)


@each
def test_the_configuration_on_its_page_can_be_read(rule: Rule, tmp_path: Path) -> None:
    for block in re.findall(r"^```toml\n(.*?)^```$", text(rule), re.MULTILINE | re.DOTALL):
        (tmp_path / "pyproject.toml").write_text(block)
        assert load(None, tmp_path) != load(None, tmp_path.parent)


def test_names_are_unique() -> None:
    assert len({rule.name for rule in ALL}) == len(ALL)


def test_rules_stand_in_the_order_of_their_families() -> None:
    families = list(dict.fromkeys(family for family, _, _ in CONTRACT.values()))
    found = [families.index(rule.family) for rule in ALL]
    assert found == sorted(found)


def test_modules_and_pages_belong_to_rules() -> None:
    names = {rule.name for rule in ALL}
    assert set(PAGES) <= names | set(CONTRACT)
    used = {rule.check.__module__.rpartition(".")[2] for rule in ALL}
    there = {file.stem for file in (Path(__file__).parents[1] / "reslint/rules").glob("*.py")}
    rules = {name.replace("-", "_") for name in CONTRACT}
    assert there & rules == used


def test_every_threshold_has_a_page() -> None:
    shared = {"select", "ignore", "profile", "fail-on", "confidence", "unread", "paths", "exclude", "severity", "allow"}
    shared |= {"limit-memory", "limit-seconds", "max-download", "rules", "options"}
    told = "\n".join(text(rule) for rule in ALL if (FOLDER / f"{rule.name}.md").is_file())
    assert [key for key in KEYS if key not in shared and f"`{key}`" not in told] == []


def test_what_is_still_to_come(capsys: pytest.CaptureFixture[str]) -> None:
    known = {rule.name for rule in ALL}
    assert known <= set(CONTRACT)
    missing = [name for name, (family, *_) in CONTRACT.items() if name not in known and family in STATIC]
    with capsys.disabled():
        sys.stdout.write(f"\nstatic rules still to come: {', '.join(missing) or 'none'}\n")
