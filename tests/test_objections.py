"""The table of objections, guarded row by row: docs/objections.md is its documentation, its specification and its test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pages import Example, examples

from reslint.anatomy import dissect
from reslint.anatomy.detect import objections
from reslint.anatomy.detect.objections import ROW_OF_BLOCKS, TO_CONCATENATIONS, TO_SUMS, Objection
from reslint.net import from_proto

PAGE = Path(__file__).parents[1] / "docs" / "objections.md"
TABLES = {"TO_SUMS": TO_SUMS, "TO_CONCATENATIONS": TO_CONCATENATIONS}
ROWS = (*TO_SUMS, *TO_CONCATENATIONS)
GRAPHS = tuple(examples(PAGE))


def judged(example: Example) -> set[tuple[str, str]]:
    """What each merge of a graph is: the kind of a residual connection, or a role."""
    anatomy = dissect(from_proto(example.model()))
    return {(b.merge.id, str(b.kind)) for b in anatomy.blocks} | {(m.op.id, str(m.role)) for m in anatomy.merges}


def graphs_of(row: Objection) -> list[Example]:
    """The graph on which an objection alone decides, and one near it on which nothing objects."""
    return [example for example in GRAPHS if example.part == f"{row.number} {row.name}"]


def pairs() -> Iterator[tuple[int, int, Example]]:
    """The pairs whose order decides, each with its graph."""
    for example in GRAPHS:
        if found := re.fullmatch(r"(\d+) before (\d+)", example.part):
            yield int(found[1]), int(found[2]), example


def without(row: Objection) -> Mapping[str, tuple[Objection, ...]]:
    """The tables without one of their rows."""
    return {name: tuple(other for other in rows if other is not row) for name, rows in TABLES.items()}


@pytest.mark.parametrize("example", GRAPHS, ids=str)
def test_page_says_what_is_seen(example: Example) -> None:
    assert judged(example) == example.expected


def test_page_lists_the_table() -> None:
    """Numbers, names and roles, in the order in which they decide."""
    told = re.findall(r"^## (\d+) ([a-z-]+)\n\n\*([a-z]+)\.\*", PAGE.read_text("utf-8"), re.M)
    assert told == [(str(row.number), row.name, str(row.role)) for row in ROWS]
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len({row.reason for row in TO_SUMS}) == len(TO_SUMS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_alone_decides_on_its_graph(row: Objection, monkeypatch: pytest.MonkeyPatch) -> None:
    trap, near = graphs_of(row)
    (merge,) = {tensor for tensor, role in trap.expected if role == str(row.role)} - _others(row, trap)
    reasons = {m.op.id: m.reason for m in dissect(from_proto(trap.model())).merges}
    assert reasons[merge] == row.reason
    assert not {role for tensor, role in near.expected if tensor == merge} & {str(r.role) for r in ROWS}
    for name, rows in without(row).items():
        monkeypatch.setattr(objections, name, rows)
    kinds = {block.merge.id for block in dissect(from_proto(trap.model())).blocks}
    assert merge in kinds, f"without {row.name}, another objection holds"


def _others(row: Objection, example: Example) -> set[str]:
    """The merges of a graph on which something else decides than the row."""
    found = dissect(from_proto(example.model()))
    return {m.op.id for m in found.merges if m.reason != row.reason}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_row_can_go(row: Objection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's graphs are judged otherwise without it."""
    for name, rows in without(row).items():
        monkeypatch.setattr(objections, name, rows)
    assert any(judged(example) != example.expected for example in GRAPHS)


@pytest.mark.parametrize(("first", "second", "example"), [pytest.param(*pair, id=str(pair[2])) for pair in pairs()])
def test_order_decides(first: int, second: int, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the second asked before the first, the graph is judged by the second."""
    here, later = ROWS[first - 1], ROWS[second - 1]
    assert here.role is not later.role
    for name, rows in TABLES.items():
        moved = [row for row in rows if row is not later]
        if here in rows:
            moved.insert(moved.index(here), later)
        monkeypatch.setattr(objections, name, tuple(moved))
    assert judged(example) != example.expected
    reasons = {m.reason for m in dissect(from_proto(example.model())).merges}
    assert here.reason not in reasons
    assert later.reason in reasons or later is ROW_OF_BLOCKS  # which is taken back where it stands alone


def test_reason_is_that_of_the_best_route() -> None:
    """Two routes lead from this sum to its fork; the one without a layer on its shortcut is the better one."""
    (example,) = (e for first, second, e in pairs() if (first, second) == (1, 5))
    (merge,) = dissect(from_proto(example.model())).merges
    assert merge.reason == ROWS[0].reason
