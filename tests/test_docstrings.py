"""What users hold says what each of its fields is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "reslint"
HELD = ("anatomy/anatomy.py", "anatomy/values.py", "finding.py", "measure/latency.py", "measure/signal.py")


def fields(module: str) -> Iterator[tuple[str, bool]]:
    """The fields of a module's classes, each with whether a docstring follows it."""
    for made in ast.parse((PACKAGE / module).read_text("utf-8")).body:
        if isinstance(made, ast.ClassDef):
            for at, field in enumerate(made.body):
                if isinstance(field, ast.AnnAssign):
                    after = made.body[at + 1] if at + 1 < len(made.body) else None
                    told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    yield f"{made.name}.{ast.unparse(field.target)}", told


@pytest.mark.parametrize("module", HELD)
def test_each_field_has_a_docstring(module: str) -> None:
    told = dict(fields(module))
    assert told, "there is something to tell"
    assert not [name for name, is_told in told.items() if not is_told]
