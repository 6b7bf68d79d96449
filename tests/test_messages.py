"""Odd models in, what findings say of them out: no false word, no word twice."""

from __future__ import annotations

import onnx

import reslint
from reslint.finding import Finding

CALLED = """
<ir_version: 8, opset_import: ["": 17, "net": 1]>
agraph (float[1, 8] x) => (float[1, 8] y) { h = net.weigh (x) y = Relu (h) }
<domain: "net", opset_import: ["": 11]>
weigh (x) => (y) { y = Softmax (x) }
"""


def found(model: onnx.ModelProto) -> list[Finding]:
    """All findings on a model."""
    return list(reslint.check(model))


class TestUnknown:
    """opset-or-domain-unknown says what is the matter with an op."""

    def test_function_of_another_opset(self) -> None:
        (finding,) = found(onnx.parser.parse_model(CALLED))
        assert "weigh of the domain net is a function with opset 11 of ai.onnx in a model with 17" in finding.message
        assert (finding.evidence["function_opset"], finding.evidence["opset"]) == (11, 17)

    def test_op_without_a_type(self) -> None:
        model = onnx.parser.parse_model(CALLED)
        model.graph.node[0].op_type = model.graph.node[0].domain = ""
        (finding,) = found(model)
        assert finding.message.startswith("an op without a type of the domain ai.onnx is unknown here")
