"""The table of operators: every known operator has all its columns, and they agree with ONNX and with each other."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, defs, helper, shape_inference
from pages import HEADER, weigh

from reslint.anatomy import Kind, dissect
from reslint.anatomy.graph.operators import TABLE, Axes, Family, Macs, Operator, Sign
from reslint.anatomy.graph.steps import _EFFECTS
from reslint.anatomy.metrics.macs import COUNTS
from reslint.net import from_proto
from reslint.net.contrib import _SHAPES, OWN

ROWS = tuple(TABLE.values())
LAYERS = (Family.CONVOLUTION, Family.PRODUCT, Family.RECURRENCE, Family.ATTENTION)
LARGEST = {schema.name: schema for schema in defs.get_all_schemas() if not schema.domain}
OF_ONNX = tuple(row for row in ROWS if not row.domain and row.name in LARGEST)


def test_every_operator_of_onnx_has_a_row() -> None:
    assert {schema.name for schema in defs.get_all_schemas() if not schema.domain} <= TABLE.keys()


def test_every_operator_whose_shapes_are_inferred_has_a_row() -> None:
    """What is told to shape inference of ONNX Runtime's own operators is of operators that are known."""
    kinds = {f"{domain}.{name}" if domain else name for domain, name in _SHAPES if domain != OWN}
    assert kinds <= TABLE.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.kind)
def test_row_has_all_its_columns(row: Operator) -> None:
    assert row.name
    assert (type(row.family), type(row.axes), type(row.macs), type(row.sign)) == (Family, Axes, Macs, Sign)
    assert {type(row.nonlinear), type(row.layer), type(row.integers)} == {bool}
    assert row.macs in COUNTS
    counts = (Macs.CONVOLUTION, Macs.TRANSPOSED, Macs.PRODUCT, Macs.PACKED, Macs.PROJECTED)
    assert row.macs not in counts or row.weight is not None, "what is counted by its weight says where that is"
    assert (row.macs is Macs.FREE) <= (row.family not in LAYERS), "no layer is free"
    assert row.layer <= (row.family in LAYERS), "depth counts layers"
    assert (row.family is Family.CONVOLUTION) == (row.bias is not None)
    assert (row.family is Family.ACTIVATION) <= row.nonlinear
    assert not row.integers or row.parameters is not None
    assert row.added is None or row.family in (Family.CONVOLUTION, Family.PRODUCT, Family.BIAS)
    assert row.added != row.weight or row.added is None


def test_places_are_inputs() -> None:
    """No column names an input that ONNX's operator does not have."""
    for row in OF_ONNX:
        places = (row.weight, row.bias, row.added, row.past, *(row.parameters or ()))
        named = [place for place in places if place is not None]
        assert max(named, default=0) < max(LARGEST[row.name].max_input, 1), row


def test_every_family_is_explained_and_used() -> None:
    assert {row.family for row in ROWS} == set(Family)
    assert all(" " in family.value or family.value == "normalizes" for family in Family)
    assert set(_EFFECTS) <= set(Family)


def test_axes_stay_where_the_table_says_so() -> None:
    """As onnx infers them: an oracle for all operators that take one tensor and need no attribute."""
    tried = set()
    for row in OF_ONNX:
        schema = LARGEST[row.name]
        if row.axes is not Axes.SAME or schema.min_input > 1 or any(a.required for a in schema.attributes.values()):
            continue
        for kind in (TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL):
            if f"tensor({TensorProto.DataType.Name(kind).lower()})" in schema.inputs[0].types:
                node = helper.make_node(row.name, ["x"], [f"y{k}" for k in range(schema.min_output)])
                given = helper.make_tensor_value_info("x", kind, [2, 3, 5])
                model = helper.make_model(helper.make_graph([node], "one", [given], []))
                made = {v.name: v.type.tensor_type for v in shape_inference.infer_shapes(model).graph.value_info}
                if "y0" in made and made["y0"].HasField("shape"):
                    tried.add(row.name)
                    assert [d.dim_value for d in made["y0"].shape.dim] == [2, 3, 5], row
    assert len(tried) > 40


FUSED = {
    "FusedConv": "y = com.microsoft.FusedConv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (g, w, b, x)",
    "NhwcFusedConv": "y = com.microsoft.NhwcFusedConv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (g, w, b, x)",
    "nchwc.Conv": "y = com.microsoft.nchwc.Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (g, w, b, x)",
    "Gemm": "y = Gemm (g, m, x)",
    "FusedGemm": 'y = com.microsoft.FusedGemm <activation = "Relu"> (g, m, x)',
    "BiasAdd": "p = MatMul (g, m) y = com.microsoft.BiasAdd (p, b, x)",
    "BiasDropout": "p = MatMul (g, m) y = com.microsoft.BiasDropout (p, b, x)",
    "BitmaskBiasDropout": "p = MatMul (g, m) y = com.microsoft.BitmaskBiasDropout (p, b, x)",
}


def test_every_fused_sum_is_tried() -> None:
    there = {row.kind.removeprefix("com.microsoft.") for row in ROWS if row.added is not None}
    assert there == FUSED.keys() | {"QOrderedMatMul"}, "QOrderedMatMul is the same with scales between"


@pytest.mark.parametrize("name", FUSED)
def test_residual_connection_inside_a_fused_op_is_found(name: str) -> None:
    """A fused op that adds a tensor is a merge: its residual connection is found, and one without a fork is a merge, too."""
    shape = "float[8, 8]" if "Gemm" in name else "float[1, 8, 6, 6]" if "Conv" in name else "float[1, 4, 8]"
    kernel = "float[8, 8, 3, 3] w, " if "Conv" in name else ""
    matrix = "" if "Conv" in name else "float[8, 8] m, "
    first = "f = Conv <pads = [1, 1, 1, 1]> (s, w)" if "Conv" in name else "f = MatMul (s, m)"
    header = HEADER.replace('"com.microsoft": 1', '"com.microsoft": 1, "com.microsoft.nchwc": 1')
    for start, inputs, kinds in (("x", f"{shape} x", [Kind.IDENTITY]), ("z", f"{shape} x, {shape} z", [])):
        text = f"agraph ({inputs}) => ({shape} y) <{kernel}{matrix}float[8] b>"
        body = f"{first.replace('s,', start + ',')} g = Relu (f) {FUSED[name]}"
        model = onnx.parser.parse_model(f"{header} {text} {{ {body} }}")
        weigh(model.graph)
        anatomy = dissect(from_proto(model))
        assert [b.kind for b in anatomy.blocks] == kinds
        assert [m.op.id for m in anatomy.merges] == ([] if kinds else ["y"])
        assert all((b.fork, b.sides[0]) == ("x", "x") for b in anatomy.blocks)
