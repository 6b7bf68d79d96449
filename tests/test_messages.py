"""Odd models in, what findings say of them out: no false word, no word twice."""

from __future__ import annotations

import onnx
import pytest
from conftest import parsed

import reslint
from reslint.finding import Finding

CALLED = """
<ir_version: 8, opset_import: ["": 17, "net": 1]>
agraph (float[1, 8] x) => (float[1, 8] y) { h = net.weigh (x) y = Relu (h) }
<domain: "net", opset_import: ["": 11]>
weigh (x) => (y) { y = Softmax (x) }
"""

TWO = """
agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
<float[8, 8, 3, 3] w, float[1, 8, KERNEL, 3] v>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    g = Relu (f)
    h = Conv <pads = [1, 1, 1, 1]> (g, v)
    y = Add (x, h)
}
"""
THREE = """
agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
<float[8, 8, 3, 3] w, float[8, 8, 3, 3] v, float[WIDE, 8, 3, HIGH] u>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    g = Relu (f)
    h = Conv <pads = [1, 1, 1, 1]> (g, v)
    k = Conv <pads = [1, SIDE, 1, SIDE]> (x, u)
    y = Sum (x, h, k)
}
"""
MEAN = """
agraph (float[4, 8, 6, 6] x) => (float[4, 8, 6, 6] y)
<float[8, 8, 3, 3] w, float[LAST, 8, 3, 3] v>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    g = Relu (f)
    h = Conv <pads = [1, 1, 1, 1]> (g, v)
    m = ReduceMean <axes = [0], keepdims = 0> (h)
    k = Tanh (m)
    y = Add (x, k)
}
"""
ROUNDED = """
agraph (float[1, 8, height, 6] x) => (float[1, 8, unk__1, 6] y)
<float[8, 8, 3, 3] w, float[8, 8, 3, 3] v, float[8, 8, 3, 3] u>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, w)
    g = Relu (f)
    h = Conv <pads = [1, 1, 1, 1], strides = [2, 1]> (g, v)
    s = AveragePool <kernel_shape = [1, 1], strides = [2, 1]> (x)
    i = Add (s, h)
    a = Relu (i)
    b = Conv <pads = [1, 1, 1, 1], strides = [2, 1]> (a, u)
    p = AveragePool <kernel_shape = [2, 1], strides = [2, 1]> (i)
    y = Add (p, b)
}
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
        assert finding.message.startswith("an op without a type of the domain ai.onnx is unknown")


class TestSides:
    """Of one merge one thing is said, of all that it adds."""

    def test_what_cannot_be_added_is_not_stretched(self) -> None:
        (stretched,) = found(parsed(TWO.replace("KERNEL", "3")))
        assert stretched.rule == "shortcut-broadcast"
        (finding,) = found(parsed(TWO.replace("KERNEL", "5")))
        assert finding.rule == "shortcut-shape-mismatch"
        assert "the branch gives [1, 1, 4, 6]" in finding.message

    @pytest.mark.parametrize(("last", "rule"), [("8", "shortcut-broadcast"), ("5", "shortcut-shape-mismatch")])
    def test_axis_that_a_side_lacks(self, last: str, rule: str) -> None:
        (finding,) = found(parsed(MEAN.replace("LAST", last)))
        assert finding.rule == rule
        assert "became 1" not in finding.help
        if rule == "shortcut-broadcast":
            assert finding.help.endswith("on axis 0; it was lost at ReduceMean m")
            assert finding.evidence["collapsed_at"] == "ReduceMean m"

    @pytest.mark.parametrize(
        ("wide", "high", "side", "rule", "says"),
        [
            ("8", "3", "1", "", ""),
            (
                "6",
                "3",
                "1",
                "shortcut-shape-mismatch",
                "input 3 gives [1, 6, 6, 6], which can't be added to the shortcut",
            ),
            (
                "8",
                "6",
                "0",
                "shortcut-broadcast",
                "input 3 gives [1, 8, 6, 1], which is stretched over axis 3 of the shortcut",
            ),
        ],
    )
    def test_third_input(self, wide: str, high: str, side: str, rule: str, says: str) -> None:
        text = THREE.replace("WIDE", wide).replace("HIGH", high).replace("SIDE", side)
        findings = found(parsed(text))
        assert [f.rule for f in findings] == [rule] * bool(rule)
        for finding in findings:
            assert finding.message.startswith(says)
            assert finding.evidence["input_tensor"] == "k"
            assert "input 3" in dict(finding.lines)

    def test_condition_is_stretched_on_purpose(self) -> None:
        text = THREE.replace("float[1, 8, 6, 6] x)", "float[1, 8, 6, 6] x, float[1, 4] t)", 1)
        text = text.replace("float[WIDE, 8, 3, HIGH] u", "float[4, 8] u, int64[4] shape = {1, 8, 1, 1}")
        text = text.replace(
            "k = Conv <pads = [1, SIDE, 1, SIDE]> (x, u)", "m = MatMul (t, u)\n    k = Reshape (m, shape)"
        )
        assert found(parsed(text)) == []

    def test_invented_dimension_has_no_name(self) -> None:
        findings = [f for f in found(parsed(ROUNDED)) if f.rule == "shortcut-dynamic-mismatch"]
        assert findings
        assert "fails where ceil(height/2) is odd: first fails at height 9 " in findings[-1].message
        assert findings[-1].evidence["dimension"] == "height"
        assert not any("unk__" in f.message + f"{f.evidence}{f.lines}" for f in findings)


@pytest.mark.parametrize(("blocks", "says"), [(3, "remove 1 block"), (4, "remove 2 blocks")])
def test_depth_limit_counts(blocks: int, says: str) -> None:
    lines = [f"f{i} = MatMul (x{i}, w)\ng{i} = Relu (f{i})\nx{i + 1} = Add (x{i}, g{i})\n" for i in range(blocks)]
    graph = f"agraph (float[1, 8] x0) => (float[1, 8] x{blocks}) <float[8, 8] w> {{ {''.join(lines)} }}"
    config = reslint.Config(max_residual_blocks=2, select=("depth-limit",))
    (finding,) = reslint.check(parsed(graph), config=config)
    assert finding.help.startswith(says)
