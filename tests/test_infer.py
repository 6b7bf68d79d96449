"""Models that shape inference refuses, or that would fill the memory, in; shapes all the same."""

from __future__ import annotations

from functools import partial

import onnx
import pytest
from onnx import ModelProto
from pages import weigh

from reslint.api import check
from reslint.net import from_proto, infer
from reslint.net.native import natively

HEADER = '<ir_version: 8, opset_import: ["": 17, "com.microsoft": 1]>'


def model_of(graph: str, header: str = HEADER) -> ModelProto:
    """A model that no checker has to accept; each declared tensor that no node makes is a weight."""
    model = onnx.parser.parse_model(header + graph)
    weigh(model.graph)
    return model


def wrong(model: ModelProto) -> list[str]:
    """The merges of which it is said that their sides don't fit."""
    found = check(model, select=["shortcut-shape-mismatch", "shortcut-broadcast"])
    return sorted(finding.tensor for finding in found)


def blocks(*between: str, widths: tuple[int, ...] = (6, 5, 3)) -> str:
    """Residual blocks of width 4 whose branches are of other widths; `between` them, lines with {given} and {made}."""
    lines, x = [], "x"
    for k, _ in enumerate(widths):
        lines += [f"f{k} = MatMul ({x}, w{k})", f"g{k} = Tanh (f{k})", f"y{k} = Add ({x}, g{k})"]
        x = f"y{k}"
        for n, line in enumerate(between if k < len(widths) - 1 else ()):
            lines.append(line.format(given=x, made=f"b{k}_{n}"))
            x = f"b{k}_{n}"
    return "\n".join(lines)


WEIGHTS = "<float[4, 6] w0, float[4, 5] w1, float[4, 3] w2>"
ALL = ["y0", "y1", "y2"]


def test_an_identity_among_the_arithmetic_of_shapes_changes_nothing() -> None:
    graph = "(float[2, 3, 4] x) => (y) { s = Shape (x) %s f = Flatten (x) y = Reshape (f, r) }"
    plain, through = (
        from_proto(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g {graph % middle}'))
        for middle in ("r = Cast <to = 7> (s)", "i = Identity (s) j = Identity (i) r = Cast <to = 7> (j)")
    )
    assert plain.shape("y") == through.shape("y") == (2, 3, 4)


class TestEverySumThatCantBe:
    """Behind the first one, no other is hidden."""

    def test_one_after_the_other(self) -> None:
        assert wrong(model_of(f"g (float[2, 4] x) => (float[2, 4] y2) {WEIGHTS} {{ {blocks()} }}")) == ALL

    def test_mixed_precision_between_them(self) -> None:
        casts = ("{made} = Cast <to = 10> ({given})", "{made} = Cast <to = 1> ({given})")
        assert wrong(model_of(f"g (float[2, 4] x) => (float[2, 4] y2) {WEIGHTS} {{ {blocks(*casts)} }}")) == ALL

    @pytest.mark.parametrize("shape", ["2, 4", "n, m"])
    def test_sums_that_are_outputs(self, shape: str) -> None:
        outputs = ", ".join(f"float[{shape}] {name}" for name in ALL)
        assert wrong(model_of(f"g (float[2, 4] x) => ({outputs}) {WEIGHTS} {{ {blocks()} }}")) == ALL

    @pytest.mark.parametrize("bias", ["", "bias = Constant <value_floats = [1.0, 2.0, 3.0]> ()"])
    def test_behind_a_bias_that_does_not_fit(self, bias: str) -> None:
        weight = "" if bias else ", float[3] bias"
        assert wrong(
            model_of(f"""
                g (float[2, 4] x) => (float[2, 4] y) <float[4, 8] w, float[8, 6] v{weight}>
                {{
                    {bias}
                    a = MatMul (x, w)
                    b = Add (bias, a)
                    c = Relu (b)
                    d = MatMul (c, v)
                    y = Add (x, d)
                }}
            """)
        ) == ["y"]

    def test_behind_a_projection_that_was_made_after_its_branch(self) -> None:
        """What the next layer's weights fit is the stream."""
        assert wrong(
            model_of(f"""
                g (float[2, 8] s) => (float[2, 4] y2) {WEIGHTS[:-1]}, float[8, 6] a, float[8, 4] p>
                {{
                    b = MatMul (s, a)
                    c = Tanh (b)
                    d = MatMul (s, p)
                    e = Add (c, d)
                    x = Relu (e)
                    {blocks()}
                }}
            """)
        ) == ["e", *ALL]

    def test_in_a_body_that_reads_its_stream_from_outside(self) -> None:
        assert wrong(
            model_of(f"""
                g (float[2, 4] x, bool which) => (float[2, 4] y) {WEIGHTS}
                {{
                    y = If (which) <
                        then_branch = yes () => (float[2, 4] y2) {{ {blocks()} }},
                        else_branch = no () => (float[2, 4] z) {{ h = MatMul (x, w1) i = Tanh (h) z = Add (i, x) }}
                    >
                }}
            """)
        ) == [*ALL, "z"]

    def test_in_a_loop(self) -> None:
        assert wrong(
            model_of(f"""
                g (float[2, 4] s, bool on) => (float[2, 4] y) <float[4, 6] w0, float[4, 5] w1, int64 times = {{3}}>
                {{
                    y = Loop (times, on, s) <body = step (int64 i, bool go, float[2, 4] x) => (bool goes, float[2, 4] y1) {{
                        goes = Identity (go)
                        {blocks(widths=(6, 5))}
                    }}>
                }}
            """)
        ) == ["y0", "y1"]

    def test_fused_add_and_normalize(self) -> None:
        lines = """
            f = MatMul (x, w0) g = Tanh (f) y0 = com.microsoft.SkipLayerNormalization (g, x, s)
            h = MatMul (y0, w1) i = Tanh (h) y1 = com.microsoft.SkipLayerNormalization (i, y0, s)
        """
        assert wrong(
            model_of(
                f"g (float[1, 2, 4] x) => (float[1, 2, 4] y1) <float[4] s, float[4, 6] w0, float[4, 5] w1> {{ {lines} }}"
            )
        ) == ["y0", "y1"]

    def test_a_body_is_read_as_it_is(self) -> None:
        """What inference needed leaves no trace."""
        net = from_proto(
            model_of("""
                g (float[2, 4] x, bool which) => (float[2, 4] y) <float[4, 6] w>
                {
                    y = If (which) <
                        then_branch = yes () => (float[2, 4] z) { f = MatMul (x, w) z = Add (f, x) },
                        else_branch = no () => (float[2, 4] z) { z = Relu (x) }
                    >
                }
            """)
        )
        body = net.nets()[1]
        assert [(op.kind, op.inputs, len(op.proto.attribute)) for op in body.ops] == [
            ("MatMul", ("x", "w"), 0),
            ("Add", ("f", "x"), 0),
        ]
        assert body.shape("x") == (2, 4)


def test_an_operator_whose_domain_the_file_does_not_import() -> None:
    """Inference would refuse the whole model."""
    graph = (
        "g (float[2, 4] x) => (float[2, 4] z) <float[4, 6] w> { f = MatMul (x, w) y = Add (x, f) z = acme.Magic (y) }"
    )
    assert wrong(model_of(graph, '<ir_version: 8, opset_import: ["": 17]>')) == ["y"]


FAR = "far = Constant <value_int = 1152921504606846976> () zero = Constant <value_int = 0> () one = Constant <value_int = 1> ()"
DOUBLED = " ".join(f"c{k + 1} = Concat <axis = 0> (c{k}, c{k})" for k in range(40))


class TestMemory:
    """A few bytes may ask for any amount of it, where inference propagates values."""

    @pytest.fixture
    def propagated(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        asked: list[bool] = []

        def tapped(task: partial[bytes], payload: bytes, what: str, *, memory: int = 0) -> bytes:
            *rest, propagates = task.args
            asked.append(propagates)
            return natively(partial(task.func, *rest, False), payload, what, memory=memory)

        monkeypatch.setattr(infer, "natively", tapped)
        return asked

    @pytest.mark.parametrize(
        "lines",
        [
            f"{FAR} r = Range (zero, far, one) y = Relu (x)",
            f"{FAR} n = Constant <value_ints = [1099511627776]> () r = ConstantOfShape (n) y = Relu (x)",
            f"{FAR} c0 = Constant <value_ints = [1, 2]> () {DOUBLED} y = Relu (x)",
            f"{FAR} y = If (b) <then_branch = t () => (float[4] u) {{ r = Range (zero, far, one) u = Relu (x) }},"
            " else_branch = e () => (float[4] v) { v = Relu (x) }>",
        ],
        ids=["range", "shape", "doubled", "body"],
    )
    def test_values_that_would_fill_it(self, lines: str, propagated: list[bool]) -> None:
        from_proto(model_of(f"g (float[4] x, bool b) => (float[4] y) {{ {lines} }}"))
        assert propagated == [False]

    @pytest.mark.parametrize(
        ("line", "asked"),
        [
            ("f = Reshape (i, all) g = Add (f, f)", [False, False]),
            ("f = Relu (i)", [False, True]),
        ],
        ids=["vector", "image"],
    )
    def test_a_long_vector(self, line: str, asked: list[bool], propagated: list[bool]) -> None:
        """Propagation would make a value for each of its elements; only a model that could hold one is looked at twice."""
        from_proto(model_of(f"g (float[1, 3, 1024, 1024] i) => (float[n] f) <int64[1] all = {{-1}}> {{ {line} }}"))
        assert propagated == asked

    def test_values_that_would_not(self, propagated: list[bool]) -> None:
        lines = (
            "zero = Constant <value_int = 0> () one = Constant <value_int = 1> () few = Constant <value_int = 9> () "
            "r = Range (zero, few, one) s = Concat <axis = 0> (r, r) y = Relu (x)"
        )
        from_proto(model_of(f"g (float[4] x) => (float[4] y) {{ {lines} }}"))
        assert propagated == [True]
