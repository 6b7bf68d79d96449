"""The networkx graphs of a model: their attributes are a contract, and they agree with what is worked out otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import networkx as nx
import onnx
import pytest
from conftest import SOUND, Run, Write, parsed

import reslint
from reslint.anatomy import Kind, Role

ROOT = Path(__file__).parents[1]
FIXTURES = sorted((ROOT / "fixtures").glob("*.onnx"))
EVERY: dict[str, type] = {"op": str, "shape": tuple, "dtype": str, "node": str, "module": str, "source": str}
OP: dict[str, type] = {**EVERY, "role": str, "block": str, "macs": int}
END: dict[str, type] = {**EVERY, "part": str}
JOIN: dict[str, type] = {**END, "role": str}
BLOCK: dict[str, type] = {**JOIN, "normalization": str, "fork": str, "stack": int, "depth": int, "macs": int}
EDGE: dict[str, type] = {"layers": int, "fewest": int, "shortcut": bool, "branch": bool}
UNKNOWN = {"shape", "dtype", "module", "source", "role", "block"}
"""What may be None."""


def fits(told: dict[str, object], wanted: dict[str, type]) -> bool:
    return told.keys() == wanted.keys() and all(
        type(value) is wanted[name] or (value is None and name in UNKNOWN) for name, value in told.items()
    )


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
class TestContract:
    def test_ops(self, file: Path) -> None:
        graph = reslint.graph(file)
        assert set(graph.graph) == {"path", "inputs", "outputs"}
        assert all(isinstance(name, str) and fits(told, OP) for name, told in graph.nodes(data=True))
        assert all(fits(told, {"tensors": tuple}) for _, _, told in graph.edges(data=True))
        assert nx.is_directed_acyclic_graph(graph)
        anatomy = reslint.dissect(file)
        assert sum(graph.nodes[name]["macs"] for name in graph) == anatomy.cost.macs
        merges = {b.merge.id for b in anatomy.blocks if b.net is anatomy.net}
        assert {name for name in graph if graph.nodes[name]["role"] in set(Kind)} == merges
        assert {graph.nodes[name]["block"] for name in graph} - {None} <= merges

    def test_blocks_and_streams(self, file: Path) -> None:
        anatomy = reslint.dissect(file)
        graph = anatomy.graph()
        wanted: dict[str, dict[str, type]] = {"input": END, "output": END, "merge": JOIN, "block": BLOCK}
        assert all(fits(told, wanted[told["part"]]) for _, told in graph.nodes(data=True))
        assert all(fits(told, EDGE) for _, _, told in graph.edges(data=True))
        assert all(told["fewest"] <= told["layers"] for _, _, told in graph.edges(data=True))
        blocks = [name for name in graph if graph.nodes[name]["part"] == "block"]
        assert set(blocks) == {b.merge.id for b in anatomy.blocks if b.net is anatomy.net}
        for name in blocks:  # a block has both sides, whatever lies on them
            sides = [told for _, _, told in graph.in_edges(name, data=True)]
            assert any(told["shortcut"] for told in sides)
            assert any(told["branch"] for told in sides)
        if graph:
            assert nx.dag_longest_path_length(graph, weight="layers") == anatomy.depth.weighted


def test_one_block() -> None:
    """By hand: two layers on the branch, none on the shortcut."""
    graph = reslint.dissect(parsed(SOUND)).graph()
    assert [(a, b, *told.values()) for a, b, told in graph.edges(data=True)] == [
        ("x", "y", 2, 0, True, True),
        ("y", "output:y", 0, 0, False, False),
    ]
    assert graph.nodes["y"]["role"] == "identity"
    assert (graph.nodes["y"]["fork"], graph.nodes["y"]["shape"], graph.nodes["y"]["depth"]) == ("x", (1, 8, 4, 4), 2)
    assert graph.nodes["y"]["macs"] == 2 * 8 * 8 * 9 * 16
    ops = reslint.graph(parsed(SOUND))
    assert list(ops) == ["x", "f", "g", "h", "y"]
    assert {name: told["block"] for name, told in ops.nodes(data=True) if told["block"]} == dict.fromkeys("fgh", "y")
    assert ops.edges["x", "y"]["tensors"] == ("x",)
    assert (ops.nodes["y"]["role"], ops.nodes["f"]["role"], ops.nodes["x"]["op"]) == ("identity", None, "Input")


def test_an_op_that_reads_two_tensors_of_another_has_one_edge() -> None:
    graph = "agraph (float[2, 4] x) => (float[2, 2] y) { a, b = Split <axis = 1> (x) y = Sub (b, a) }"
    ops = reslint.graph(parsed(graph))
    assert ops.edges["a", "y"]["tensors"] == ("b", "a")
    twice = reslint.graph(parsed("agraph (float[2] x) => (float[2] y) { a = Relu (x) y = Mul (a, a) }"))
    assert twice.edges["a", "y"]["tensors"] == ("a", "a")


def test_the_page_lists_every_attribute() -> None:
    page = (ROOT / "docs" / "graphs.md").read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert named == (EVERY.keys() | OP.keys() | BLOCK.keys() | EDGE.keys()) - {"part"}
    assert {"`part`", "`tensors`", "`path`", "`inputs`", "`outputs`"} <= set(re.findall(r"`\w+`", page))
    joins = re.findall(r"only these are nodes: ([^.]*)\.", page)[0]
    from reslint.anatomy.views.networks import JOINS

    assert {Role(name) for name in re.findall(r"`(\w+)`", joins)} == JOINS


class TestGraphml:
    def test_is_read_by_networkx(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        ran = run("anatomy", "--format", "graphml", "a.onnx")
        assert ran.status == 0
        graph = nx.parse_graphml(ran.out)
        assert graph.graph["path"] == "a.onnx"
        assert (graph.nodes["y"]["part"], graph.nodes["y"]["shape"]) == ("block", "1,8,4,4")
        assert "module" not in graph.nodes["y"]
        assert graph.edges["x", "y"] == {"layers": 2, "fewest": 0, "shortcut": True, "branch": True}

    def test_one_graph_for_each_model(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        write("b.onnx")
        (here / "c.onnx").write_bytes(b"")
        ran = run("anatomy", "--format", "graphml", "--output", "all.graphml", ".")
        assert ran.status == 2
        read = nx.readwrite.graphml.GraphMLReader()(path=here / "all.graphml")
        assert [graph.graph["path"] for graph in read] == ["a.onnx", "b.onnx"]

    def test_hostile_names_are_escaped(self, run: Run, write: Write, here: Path) -> None:
        model = parsed(SOUND)
        name = '<a&"\x1b[31m\ufffe'
        model.graph.output[0].name = model.graph.node[-1].output[0] = name
        onnx.save(model, here / "a.onnx")
        graph = nx.parse_graphml(run("anatomy", "--format", "graphml", "a.onnx").out)
        assert '<a&"\\x1b[31m\\ufffe' in graph
