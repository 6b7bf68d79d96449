"""A regular stack with one change in one block: the change is told; what varies by design is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from onnx import ModelProto
from pages import HEADER, Example

from reslint.anatomy import dissect
from reslint.lint import lint
from reslint.net.read import from_proto
from reslint.rules import ALL, Settings

LAYERS = 4


def block(k: int, changes: dict[str, str]) -> Iterator[str]:
    """Attention and feed-forward of layer `k`, as text; `changes` are lines by the tensor that they make."""
    lines = f"""
    n{k} = LayerNormalization <axis = -1, epsilon = 0.00001> (x{k}, s, b)
    q{k} = MatMul (n{k}, wq{k})
    k{k} = MatMul (n{k}, wk{k})
    v{k} = MatMul (n{k}, wv{k})
    t{k} = Transpose <perm = [0, 2, 1]> (k{k})
    p{k} = MatMul (q{k}, t{k})
    c{k} = Mul (p{k}, scale)
    m{k} = Add (c{k}, mask)
    a{k} = Softmax <axis = -1> (m{k})
    o{k} = MatMul (a{k}, v{k})
    f{k} = MatMul (o{k}, wo{k})
    h{k} = Add (x{k}, f{k})
    r{k} = LayerNormalization <axis = -1, epsilon = 0.00001> (h{k}, s, b)
    u{k} = MatMul (r{k}, wu{k})
    g{k} = Gelu (u{k})
    d{k} = MatMul (g{k}, wd{k})
    x{k + 1} = Add (h{k}, d{k})"""
    for line in lines.strip().splitlines():
        name = line.split("=")[0].strip()
        yield changes.get(name, line.strip())


def model(changes: dict[str, str], layers: int = LAYERS) -> str:
    weights = [
        f"float[16, {n}] w{what}{k}"
        for k in range(layers)
        for what, n in zip("qkvou", (16, 16, 16, 16, 64), strict=True)
    ]
    weights += [f"float[64, 16] wd{k}" for k in range(layers)]
    body = [line for k in range(layers) for line in block(k, changes)]
    end = f"y = LayerNormalization <axis = -1, epsilon = 0.00001> (x{layers}, s, b)"
    inits = ", ".join(("float[16] s, float[16] b, float scale = {0.25}, float half = {0.5}", *weights))
    return "\n".join(
        (
            HEADER,
            f"agraph (float[1, 9, 16] x0, float[1, 9, 9] mask) => (float[1, 9, 16] y) <{inits}>",
            "{",
            *body,
            end,
            "}",
        )
    )


def odd(text: str) -> list[tuple[str, str]]:
    found = Example("test", 1, "", (), text).findings()
    return [(f.tensor, f.message) for f in found if f.rule == "odd-block"]


SLIPS = {
    "branch subtracted": ({"h2": "h2 = Sub (x2, f2)"}, "h2", "subtracts its branch; its 3 siblings add it"),
    "activation missing": ({"g2": "", "d2": "d2 = MatMul (u2, wd2)"}, "d2", "has no Gelu before MatMul d2"),
    "another activation": ({"g2": "g2 = Relu (u2)"}, "g2", "has Relu where others have Gelu"),
    "activation too much": ({"d2": "e2 = MatMul (g2, wd2) d2 = Tanh (e2)"}, "d2", "has Tanh of its own before Add x3"),
    "older stream": (
        {"r2": "r2 = LayerNormalization <axis = -1, epsilon = 0.00001> (x2, s, b)"},
        "r2",
        "reads the stream from before block 5",
    ),
    "mask missing": ({"m2": "", "a2": "a2 = Softmax <axis = -1> (c2)"}, "a2", "has no Add before Softmax a2"),
    "another scale": (
        {"c2": "c2 = Mul (p2, half)"},
        "c2",
        "has the constant 0.5 in Mul c2; its 3 siblings have the constant 0.25",
    ),
    "another epsilon": (
        {"r2": "r2 = LayerNormalization <axis = -1, epsilon = 0.01> (h2, s, b)"},
        "r2",
        "has epsilon 0.01",
    ),
    "keys of the raw stream": ({"k2": "k2 = MatMul (x2, wk2)"}, "k2", "feeds MatMul k2 from elsewhere"),
    "query and key swapped": (
        {"p2": "p2 = MatMul (t2, q2)"},
        "p2",
        "feeds MatMul p2 from elsewhere or in another order",
    ),
    "weights of the block before": (
        {"v2": "v2 = MatMul (n2, wv1)"},
        "v2",
        "reads wv1 in MatMul v2, which another block reads",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_with_what_differs(slip: str) -> None:
    changes, tensor, says = SLIPS[slip]
    text = model(changes)
    if slip == "query and key swapped":
        text = text.replace("[1, 9, 16]", "[1, 16, 16]").replace("[1, 9, 9]", "[1, 16, 16]")
    found = odd(text)
    assert [name for name, _ in found] == [tensor]
    assert says in found[0][1]


def test_a_regular_stack_is_silent() -> None:
    assert odd(model({})) == []


def test_what_the_first_layer_does_otherwise_is_its_design() -> None:
    assert odd(model({"h0": "h0 = Add (f0, x0)", "n0": "n0 = Identity (x0)"})) == []


def test_a_value_that_grows_is_a_trend() -> None:
    eps = {
        f"r{k}": f"r{k} = LayerNormalization <axis = -1, epsilon = {10.0 ** (k - 7):.7f}> (h{k}, s, b)"
        for k in range(LAYERS)
    }
    assert odd(model(eps)) == []


def test_every_second_layer_is_a_period() -> None:
    assert odd(model({f"g{k}": f"g{k} = Relu (u{k})" for k in (1, 3)})) == []


def noted(text: str, scopes: dict[str, tuple[str, ...]]) -> ModelProto:
    """A model whose ops stand in modules, as PyTorch's exporter notes it: paths with a class, by first output."""
    model = Example("test", 1, "", (), text).model()
    for node in model.graph.node:
        paths = scopes.get(node.output[0])
        if paths is not None:
            path, kind = ([part.partition(":")[at] for part in paths] for at in (0, 2))
            node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=str(["", *path, "op"]))
            node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value=str(["Net", *kind, "aten.op"]))
    return model


def told(model: ModelProto, rule: str) -> list[str]:
    found = lint(dissect(from_proto(model)), ALL, Settings(profile="design"), "test.onnx")
    return [f.tensor for f in found if f.rule == rule]


PLAIN = """agraph (float[1, 4, 8] x) => (float[1, 4, 8] y) <float[8, 16] w, float[16, 8] v> {
    a = MatMul (x, w)
    b = Relu (a)
    c = MatMul (b, v)
    y = Relu (c) }"""


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("net.ResBlock", PLAIN, ["y"]),
        ("net.Residual", PLAIN, ["y"]),
        ("net.Resize", PLAIN, []),
        ("net.Block", PLAIN, []),
        ("net.ResBlock", PLAIN.replace("Relu (c)", "Add (c, x)"), []),
        ("net.ResBlock", PLAIN.replace("float[16, 8] v", "float[16, 9] v").replace("8] y", "9] y"), []),
    ],
)
def test_a_class_that_is_named_for_a_shortcut_has_one(kind: str, text: str, expected: list[str]) -> None:
    model = noted(text, dict.fromkeys("abcy", (f"1:{kind}",)))
    assert told(model, "named-but-plain") == expected


SKIP = """agraph (float[1, 8, 4, 4] x) => (float[1, 8, 4, 4] y) <float[8, 8, 1, 1] w, float[8, 8, 1, 1] v> {
    s = Conv (x, w)
    a = LeakyRelu (s)
    b = Conv (a, v)
    y = Add (a, b) }"""


@pytest.mark.parametrize(("activation", "expected"), [("1.model.0", ["y"]), ("1.act", []), ("0", [])])
def test_a_skip_behind_the_branchs_own_activation_is_captured(activation: str, expected: list[str]) -> None:
    scopes = {
        "s": ("0:Conv",),
        "a": ("1:Skip", f"{activation}:LeakyReLU"),
        "b": ("1:Skip", "1.model.1:Conv"),
        "y": ("1:Skip",),
    }
    assert told(noted(SKIP, scopes), "captured-shortcut") == expected


def blocks(body: str, n: int, end: str = "") -> ModelProto:
    lines = "\n".join(body.format(k=k, next=k + 1) for k in range(n))
    weights = ", ".join(f"float[8, 8] w{k}, float[8, 8] v{k}" for k in range(n))
    inits = f"float[8] s, float tenth = {{0.1}}, float one = {{1.0}}, {weights}"
    text = f"agraph (float[1, 4, 8] x0) => (float[1, 4, 8] y) <{inits}> {{\n"
    return Example("test", 1, "", (), f"{text}{lines}\n{end or f'y = LayerNormalization (x{n}, s)'} }}").model()


def test_a_factor_on_every_sum_is_told_with_its_product() -> None:
    body = (
        "a{k} = MatMul (x{k}, w{k})\nb{k} = Tanh (a{k})\n"
        "c{k} = MatMul (b{k}, v{k})\nd{k} = Add (x{k}, c{k})\nx{next} = Mul (d{k}, tenth)"
    )
    assert told(blocks(body, 4), "shortcut-not-identity") == ["d0"]
    mean = body.replace("tenth", "half")
    assert told(blocks(mean.replace("Mul (d{k}, half)", "Identity (d{k})"), 4), "shortcut-not-identity") == []


def test_a_sum_around_each_block_that_adds_already_doubles_the_stream() -> None:
    body = (
        "h{k} = LayerNormalization (x{k}, s)\na{k} = MatMul (h{k}, w{k})\n"
        "b{k} = Gelu (a{k})\nc{k} = MatMul (b{k}, v{k})\nd{k} = Add (x{k}, c{k})\n"
    )
    assert told(blocks(body + "x{next} = Add (x{k}, d{k})", 4), "repeated-shortcut")[0] == "x1"
    assert told(blocks(body + "x{next} = Identity (d{k})", 4), "repeated-shortcut") == []


def test_post_norm_layers_that_add_their_input_twice_are_stale() -> None:
    body = (
        "a{k} = MatMul (x{k}, w{k})\nb{k} = Tanh (a{k})\nc{k} = Add (x{k}, b{k})\nn{k} = LayerNormalization (c{k}, s)\n"
        "e{k} = MatMul (n{k}, w{k})\nf{k} = Gelu (e{k})\ng{k} = MatMul (f{k}, v{k})\nh{k} = Add (x{k}, g{k})\n"
        "x{next} = LayerNormalization (h{k}, s)"
    )
    assert told(blocks(body, 3), "stale-shortcut") == ["h0"]
    assert told(blocks(body.replace("Add (x{k}, g{k})", "Add (n{k}, g{k})"), 3), "stale-shortcut") == []
