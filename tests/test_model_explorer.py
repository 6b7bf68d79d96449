"""Node data for Google's Model Explorer: on which nodes it stands, what it says, and that the real package takes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from conftest import Run, Write
from test_report import FINDING, dissected

from reslint.anatomy import dissect
from reslint.finding import Finding, Severity
from reslint.net import read
from reslint.report.anatomy.portrait import portrait
from reslint.report.check.model_explorer import render, viewer_names
from reslint.result import Looked, Report

FIXTURES = Path(__file__).parents[1] / "fixtures"

BODIES = """
<ir_version: 8, opset_import: ["": 17]>
outer (float[1, 8] x, bool c, int64 n) => (float[1, 8] z)
{
    a = Relu (x)
    [twice] b = Relu (a)
    [twice] d = Relu (b)
    e = If (c) <
        then_branch = yes () => (float[1, 8] t) { t = Relu (d) },
        else_branch = no () => (float[1, 8] f) { [named] f = Neg (d) }>
    z = Loop (n, c, e) <
        body = body (int64 i, bool on, float[1, 8] s) => (bool go, float[1, 8] out) { go = Identity (on) out = Relu (s) }>
}
"""


def told(name: str, *findings: Finding) -> dict[str, dict[str, dict[str, str]]]:
    """What stands at each node of a fixture, by graph."""
    path = str(FIXTURES / f"{name}.onnx")
    looked = Looked(path, portrait=portrait(dissect(read(Path(path)))))
    report = Report("1", (looked,), tuple(replace(f, path=path) for f in findings))
    return {graph: data["results"] for graph, data in json.loads(render(report)).items()}


class TestNames:
    def test_missing_and_repeated_names_are_made_whole(self) -> None:
        names = dict(viewer_names(onnx.parser.parse_model(BODIES).graph))
        assert [names[tensor] for tensor in "abd"] == [("outer", "node"), ("outer", "twice"), ("outer", "twice_1")]

    def test_bodies_stand_where_the_adapter_shows_them(self) -> None:
        names = dict(viewer_names(onnx.parser.parse_model(BODIES).graph))
        assert names["e"] == ("outer", "node_1")
        assert names["t"] == ("outer", "node_1/then_branch/node")
        assert names["named"] == ("outer", "node_1/else_branch/named")
        assert names["z"] == ("outer", "node_2")
        assert names["out"] == ("node_2/body", "node_3")


class TestNodeData:
    def test_blocks(self) -> None:
        (found,) = told("resnet50").values()
        assert found["node_add"]["value"] == "block 1: projection, norm folded?"
        assert found["node_add_1"]["value"] == "block 2: identity, norm folded?"
        assert {"block 1: branch", "block 1: projection shortcut"} <= {one["value"] for one in found.values()}

    def test_findings_stand_over_blocks_with_the_worst_in_colour(self) -> None:
        finding = replace(FINDING, tensor="add", related=("node_add_1", "nowhere"))
        note = replace(finding, rule="plain-depth", severity=Severity.NOTE, related=())
        (found,) = told("resnet50", note, finding).values()
        assert found["node_add"]["value"] == "note: plain-depth, error: shortcut-broadcast"
        assert found["node_add"]["bgColor"] == found["node_add_1"]["bgColor"] == "#b3131e"
        assert "nowhere" not in found

    def test_bodies_of_loops_are_graphs_of_their_own(self) -> None:
        assert set(told("loop_ts")) == {"/Loop/body"}

    def test_a_model_without_a_file_is_known_by_its_own_names(self) -> None:
        report = Report("1", (Looked("nets:make", portrait=portrait(dissected(2))),), ())
        (results,) = (data["results"] for data in json.loads(render(report)).values())
        assert "/layers.0/Add" in results

    def test_two_models_with_a_graph_of_one_name(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx")
        ran = run("check", ".", "--format", "model-explorer")
        assert ran.status == 0
        assert set(json.loads(ran.out)) == {"agraph", "b.onnx:agraph"}


class TestRealPackage:
    """`pip install ai-edge-model-explorer model-explorer-onnx`, in a place of its own: it is large, and no user needs it."""

    @pytest.fixture
    def viewer(self) -> object:
        pytest.importorskip("model_explorer", reason="ai-edge-model-explorer is not there")
        return pytest.importorskip("model_explorer_onnx.main", reason="model-explorer-onnx is not there")

    @pytest.mark.parametrize(
        "name", ["resnet50_broken", "bert_small", "mamba", "loop_ts", "resnet18_ort_all", "functions"]
    )
    def test_each_node_is_there(self, viewer: object, name: str) -> None:
        graphs = viewer.ONNXAdapter().convert(str(FIXTURES / f"{name}.onnx"), {})["graphs"]  # type: ignore[attr-defined]
        nodes = {graph.id: {node.id for node in graph.nodes} for graph in graphs}
        found = told(name)
        assert found
        assert [node for graph, results in found.items() for node in results if node not in nodes[graph]] == []

    def test_nodes_without_names(self, viewer: object, tmp_path: Path) -> None:
        path = tmp_path / "m.onnx"
        model = onnx.parser.parse_model(BODIES)
        onnx.save(model, path)
        graphs = viewer.ONNXAdapter().convert(str(path), {})["graphs"]  # type: ignore[attr-defined]
        nodes = {(graph.id, node.id) for graph in graphs for node in graph.nodes}
        assert set(dict(viewer_names(model.graph)).values()) <= nodes

    def test_the_file_is_taken(self, viewer: object, tmp_path: Path) -> None:
        from model_explorer.config import ModelExplorerConfig
        from model_explorer.node_data_builder import GraphNodeData, ModelNodeData, NodeDataResult

        path = FIXTURES / "bert_small.onnx"
        text = render(Report("1", (Looked(str(path), portrait=portrait(dissect(read(path)))),), ()))
        graphs = {
            graph: GraphNodeData(
                **{**data, "results": {node: NodeDataResult(**one) for node, one in data["results"].items()}}
            )
            for graph, data in json.loads(text).items()
        }
        built = json.loads(ModelNodeData(graphs).to_json_string())
        assert all(
            built[graph][key] == value for graph, data in json.loads(text).items() for key, value in data.items()
        )
        file = tmp_path / "node-data.json"
        file.write_text(text)
        loaded = ModelExplorerConfig()
        loaded.add_model_from_path(str(path))
        loaded.add_node_data_from_path(str(file))
        assert str(file) in loaded.to_url_param_value()
