"""How it works, as docs/how-it-works.md tells it: its graph, its picture, its table and its terms are what reslint has.

`python tests/test_how.py` draws the picture anew.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pages import examples

from reslint.anatomy import Anatomy, Kind, Role, dissect
from reslint.anatomy.detect import objections
from reslint.net import from_proto
from reslint.report.anatomy import svg, text
from reslint.result import Dissected

PAGE = Path(__file__).parents[1] / "docs" / "how-it-works.md"
PICTURE = PAGE.with_suffix(".svg")
ROWS = (*objections.TO_SUMS, *objections.TO_CONCATENATIONS)


def worked() -> Anatomy:
    """The anatomy of the page's graph."""
    (example,) = examples(PAGE)
    return dissect(from_proto(example.model()))


def drawn() -> str:
    """The page's picture as reslint draws it now."""
    return svg.render([Dissected("A worked graph", worked())])


def test_graph_is_judged_as_the_page_says() -> None:
    (example,) = examples(PAGE)
    anatomy = worked()
    found = {(b.merge.id, str(b.kind)) for b in anatomy.blocks} | {(m.op.id, str(m.role)) for m in anatomy.merges}
    assert found == example.expected


def test_reasons_are_those_that_are_printed() -> None:
    shown = re.findall(r"^    (s\d  .*)$", PAGE.read_text("utf-8"), re.M)
    printed = text.render([Dissected("m", worked())], verbose=True)
    assert len(shown) == 3
    assert all(line in printed.splitlines() for line in shown)


def varied(*changes: tuple[str, str]) -> dict[str, str]:
    """What the merges of the page's graph are when it is changed."""
    (example,) = examples(PAGE)
    changed = example.text
    for old, new in changes:
        assert old in changed
        changed = changed.replace(old, new)
    anatomy = dissect(from_proto(replace(example, text=changed).model()))
    return {b.merge.id: str(b.kind) for b in anatomy.blocks} | {m.op.id: str(m.role) for m in anatomy.merges}


def test_without_a_change_of_resolution_the_last_sum_is_a_block() -> None:
    level = (", strides = [2, 2]> (s2, w4)", "> (s2, w4)"), ("<strides = [2, 2]> (s2, w6)", "(s2, w6)")
    up = "ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (s3, w7)", "Conv (s3, w7)"
    assert varied(*level, up, ("16, 8, 2, 2] w7", "8, 16, 1, 1] w7"))["s4"] == "identity"


def test_behind_a_sigmoid_the_first_sum_is_a_gate() -> None:
    gated = (
        ("(s2, w4)", "(g, w4)"),
        ("(s2, w6)", "(g, w6)"),
        ("Add (s2, u)", "Add (g, u)"),
        ("    d =", "    g = Sigmoid (s2)\n    d ="),
    )
    assert varied(*gated)["s2"] == "arithmetic"


def test_picture_is_what_is_drawn() -> None:
    assert PICTURE.read_text("utf-8") == drawn(), "draw it anew: python tests/test_how.py"


def test_table_of_objections_is_the_one_that_decides() -> None:
    told = re.findall(r"^\| (\d+) \| ([a-z-]+) \| ([a-z]+) \| (.*) \|$", PAGE.read_text("utf-8"), re.M)
    assert told == [(str(row.number), row.name, str(row.role), row.reason) for row in ROWS]


def test_kinds_and_roles_are_terms() -> None:
    terms = dict(re.findall(r"^\| ([a-z]+) \| (.*) \|$", PAGE.read_text("utf-8"), re.M))
    assert {str(kind) for kind in Kind} == set(terms["kind"].partition(": ")[2].split(", "))
    assert {str(role) for role in Role} == set(terms["role"].partition(": ")[2].split(", "))


if __name__ == "__main__":
    PICTURE.write_text(drawn(), "utf-8")
