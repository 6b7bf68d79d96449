"""No circle of imports, those for types alone included: each module can be read after those that it names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parents[1]


def modules() -> dict[str, Path]:
    """All modules of the package by their dotted names."""
    paths = (path for path in (ROOT / "reslint").rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """The package's modules that one imports when it is loaded, or for its types; not those that wait inside a function."""
    tree = ast.parse(path.read_text())
    waiting = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in waiting:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in known else node.module
        elif isinstance(node, ast.Import) and id(node) not in waiting:
            yield from (name.name for name in node.names)


def test_imports_make_no_circle() -> None:
    known = modules()
    graph: nx.DiGraph[str] = nx.DiGraph()
    for name, path in known.items():
        graph.add_edges_from((name, other) for other in imported(path, set(known)) if other in known and other != name)
    circles = [sorted(found) for found in nx.strongly_connected_components(graph) if len(found) > 1]
    assert graph.number_of_edges() > 500
    assert not circles
