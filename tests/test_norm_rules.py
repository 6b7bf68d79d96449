"""Rules on normalization on graphs that their pages don't show."""

from __future__ import annotations

import onnx
from conftest import parsed

from reslint import check


def message_passing(layers: int, *, bare: int | None = None) -> onnx.ModelProto:
    """Layers that add up messages, then a post-norm branch on them, then a post-norm feed-forward, as GPS has them."""
    nodes, weights, x = [], [], "x"
    for i in range(layers):
        norm = f"n{i} = Identity (r{i})" if i == bare else f"n{i} = LayerNormalization (r{i}, g, h)"
        nodes += [f"m{i} = MatMul (adj, {x})", f"s{i} = Add ({x}, m{i})"]
        nodes += [f"a{i} = MatMul (s{i}, u{i})", f"b{i} = Relu (a{i})", f"c{i} = MatMul (b{i}, v{i})"]
        nodes += [f"r{i} = Add ({x}, c{i})", norm, f"p{i} = MatMul (n{i}, y{i})", f"q{i} = Relu (p{i})"]
        nodes += [f"t{i} = MatMul (q{i}, z{i})", f"k{i} = Add (n{i}, t{i})", f"l{i} = LayerNormalization (k{i}, g, h)"]
        weights += [f"float[16, 16] {name}{i}" for name in "uvyz"]
        x = f"l{i}"
    return parsed(
        f"agraph (float[12, 16] x, float[12, 12] adj) => (float[12, 16] {x}) "
        f"<float[16] g, float[16] h, {', '.join(weights)}> {{ {' '.join(nodes)} }}"
    )


def test_the_inner_sums_of_message_passing_have_no_norm_to_lose() -> None:
    assert not check(message_passing(5), select="norm")


def test_a_norm_that_is_lost_among_them_is_told() -> None:
    (finding,) = check(message_passing(6, bare=3), select="inconsistent-normalization")
    assert finding.tensor == "r3"
