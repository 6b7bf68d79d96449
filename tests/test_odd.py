"""A regular stack with one change in one block: the change is told; what varies by design is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages import HEADER, Example

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
