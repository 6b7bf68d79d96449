"""Merges, norms and stacks of kinds that once were told wrongly: each graph is one that a public model is made of."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from conftest import parsed

import reslint
from reslint.anatomy import Anatomy, dissect
from reslint.anatomy.values import Kind
from reslint.anatomy.views.skeleton import skeleton
from reslint.net import from_proto
from reslint.rules import Settings
from reslint.rules.rule import Draft
from reslint.rules.skip_dynamic_mismatch import skip_dynamic_mismatch


def anatomy(graph: str) -> Anatomy:
    return dissect(from_proto(parsed(graph)))


def rules(graph: str, here: Path) -> set[str]:
    onnx.save(parsed(graph), here / "net.onnx")
    return {f.rule for f in reslint.check(here / "net.onnx")}


TENSORFLOW_NORM = """
agraph (float[n, 10, 8] x) => (float[n, 10, 8] y) <float[8, 16] w, float[16, 8] v, float[8] gamma, float[8] beta, float eps>
{
    f = MatMul (x, w) r = Relu (f) h = MatMul (r, v) a = Add (x, h)
    mean = GlobalAveragePool (a) c = Sub (a, mean) q = Mul (c, c) var = GlobalAveragePool (q)
    s = Add (var, eps) d = Sqrt (s) i = Reciprocal (d) g = Mul (i, gamma)
    m = Mul (mean, g) b = Sub (beta, m) u = Mul (a, g) y = Add (u, b)
}
"""


def test_a_norm_spelled_as_scale_and_shift_is_no_block() -> None:
    found = anatomy(TENSORFLOW_NORM)
    assert [b.merge.id for b in found.blocks] == ["a"]
    assert [str(b.normalization) for b in found.blocks] == ["post"]


def test_a_sum_of_the_same_shape_is_no_norm_without_the_statistic() -> None:
    graph = TENSORFLOW_NORM.replace("b = Sub (beta, m)", "k = MatMul (r, v) b = Sub (k, m)")
    assert "y" in {b.merge.id for b in anatomy(graph).blocks} | {m.op.id for m in anatomy(graph).merges}


@pytest.mark.parametrize("square", ["q = Mul (d, d)", "q = Pow (d, two)", "q = Abs (d)"])
def test_a_deviation_is_no_shortcut(square: str, here: Path) -> None:
    graph = f"""
    agraph (float[1, 32, 50] x) => (float[1, 32] y) <float[32, 32, 1] p, float two = {{2}}, int64[1] last = {{2}}>
    {{
        t = Conv (x, p) w = Softmax <axis = 2> (t) z = Mul (w, x) m = ReduceSum (z, last) d = Sub (x, m)
        {square} k = Mul (w, q) y = ReduceSum <keepdims = 0> (k, last)
    }}
    """
    assert not anatomy(graph).blocks
    assert not rules(graph, here)


def test_running_sums_along_one_part_are_no_block(here: Path) -> None:
    graph = """
    agraph (float[1, length] f) => (float[1, length, 16] y)
    <int64[1] last = {-1}, int64[1] end = {9223372036854775807}, int64[1] ax = {2}, int64 one = {1},
     int64[6] pad = {0, 1, 0, 0, -1, 0}, float[1, 1, 16] ramp>
    {
        u = Unsqueeze (f, last) p = Mul (u, ramp) s = Slice (p, last, end, ax)
        c = CumSum (s, one) d = Pad (c, pad) y = Add (p, d)
    }
    """
    assert not anatomy(graph).blocks
    assert not rules(graph, here)


def memory(blocks: int, lost: int = -1) -> str:
    """Layers, a memory along time that is residual itself, and a shortcut around both (DFSMN)."""
    weights = ", ".join(
        f"float[8, 16] a{k}, float[16] c{k}, float[16, 8] b{k}, float[8, 1, 3] m{k}" for k in range(blocks)
    )
    ops = " ".join(
        f"f{k} = MatMul (x{k}, a{k}) g{k} = Add (f{k}, c{k}) r{k} = Relu (g{k}) h{k} = MatMul (r{k}, b{k}) "
        f"t{k} = Transpose <perm = [0, 2, 1]> (h{k}) k{k} = Conv <group = 8, pads = [1, 1]> (t{k}, m{k}) "
        f"p{k} = Add (t{k}, k{k}) q{k} = Transpose <perm = [0, 2, 1]> (p{k}) "
        + (f"x{k + 1} = Add (q{k}, x{k})" if k != lost else f"x{k + 1} = Identity (q{k})")
        for k in range(blocks)
    )
    return f"agraph (float[n, time, 8] x0) => (float[n, time, 8] x{blocks}) <{weights}> {{ {ops} }}"


def test_a_shortcut_around_a_memory_is_there(here: Path) -> None:
    assert rules(memory(8), here) <= {"odd-block"}
    assert "missing-shortcut" in rules(memory(8, lost=4), here)


def parallel(order: str, layers: int = 4) -> str:
    """Attention and MLP beside each other on one norm."""
    weights = ", ".join(
        f"float[8] n{k}, float[8, 8] q{k}, float[8, 8] v{k}, float[8, 16] u{k}, float[16, 8] d{k}"
        for k in range(layers)
    )
    sums = {
        "x + a + m": "s{0} = Add (x{0}, a{0}) x{1} = Add (s{0}, m{0})",
        "a + m + x": "s{0} = Add (a{0}, m{0}) x{1} = Add (s{0}, x{0})",
    }
    ops = " ".join(
        f"h{k} = LayerNormalization (x{k}, n{k}) e{k} = MatMul (h{k}, q{k}) "
        f"t{k} = Transpose <perm = [0, 2, 1]> (e{k}) l{k} = MatMul (e{k}, t{k}) w{k} = Softmax (l{k}) "
        f"o{k} = MatMul (w{k}, e{k}) a{k} = MatMul (o{k}, v{k}) "
        f"i{k} = MatMul (h{k}, u{k}) j{k} = Relu (i{k}) m{k} = MatMul (j{k}, d{k}) " + sums[order].format(k, k + 1)
        for k in range(layers)
    )
    head = f"z = LayerNormalization (x{layers}, n0) y = MatMul (z, v0)"
    return f"agraph (float[1, 6, 8] x0) => (float[1, 6, 8] y) <{weights}> {{ {ops} {head} }}"


@pytest.mark.parametrize("order", ["x + a + m", "a + m + x"])
def test_parallel_branches_are_one_block_in_any_order(order: str) -> None:
    assert skeleton(anatomy(parallel(order))) == "4 x [pre attn+mlp], final-norm"


def strided(kernel: int, pad: int) -> str:
    return f"""
    agraph (float[1, 8, 16, 16] x) => (float[1, 8, 8, 8] y)
    <float[8, 8, 3, 3] a, float[8, 8, 3, 3] b, float[8, 8, {kernel}, {kernel}] p>
    {{
        f = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, a) g = Relu (f) h = Conv <pads = [1, 1, 1, 1]> (g, b)
        s = Conv <pads = [{pad}, {pad}, {pad}, {pad}], strides = [2, 2]> (x, p) y = Add (s, h)
    }}
    """


@pytest.mark.parametrize(("kernel", "pad"), [(1, 0), (3, 1), (5, 2)])
def test_a_strided_layer_on_the_shortcut_is_a_projection(kernel: int, pad: int) -> None:
    assert [b.kind for b in anatomy(strided(kernel, pad)).blocks] == [Kind.PROJECTION]


STREAMS = """
agraph (float[2, 7, 4, 16] x) => (float[2, 7, 4, 16] y)
<float[16] n, float[16, 6] w, float[4, 5] still, float[16, 32] u, float[32, 16] d, float[16] g,
 int64 first = {{0}}, int64[1] one = {{1}}, int64[1] end = {{9}}, int64[1] axis = {{2}}, int64[1] five = {{5}},
 int64[1] six = {{6}}, int64[1] last = {{3}}, int64[1] zero = {{0}}>
{{
    z = LayerNormalization (x, n) a = MatMul (z, w) t = Tanh (a) c = Slice (t, zero, five, last) m = Add (c, still)
    b = Slice (t, five, six, last)
    mixed = Einsum <equation = "bsnd,bsnm->bsmd"> (x, m)
    h = Gather <axis = 2> (mixed, first) rest = Slice (mixed, one, end, axis)
    i = LayerNormalization (h, g) j = MatMul (i, u) k = Relu (j) o = MatMul (k, d)
    e = Unsqueeze (o, axis) q = Mul (e, b) y = Add (rest, q)
}}
""".replace("{{", "{").replace("}}", "}")


def test_dynamic_hyper_connections_are_blocks() -> None:
    assert [b.merge.id for b in anatomy(STREAMS).blocks] == ["y"]


def bare(end: str, layers: int = 6) -> str:
    weights = ", ".join(f"float[8, 8] w{k}, float[8, 8] v{k}" for k in range(layers))
    ops = " ".join(
        f"f{k} = MatMul (x{k}, w{k}) g{k} = Relu (f{k}) h{k} = MatMul (g{k}, v{k}) {end.format(k)} x{k + 1} = Add (x{k}, b{k})"
        for k in range(layers)
    )
    return f"agraph (float[n, 8] x0) => (float[n, 8] x{layers}) <{weights}> {{ {ops} }}"


@pytest.mark.parametrize(
    ("end", "grows"),
    [("b{0} = Identity (h{0})", True), ("b{0} = Tanh (h{0})", False), ("b{0} = Sigmoid (h{0})", False)],
)
def test_a_branch_that_ends_bounded_does_not_grow(end: str, grows: bool, here: Path) -> None:
    assert ("missing-normalization" in rules(bare(end), here)) is grows


def stripped(first: int, bias: bool) -> str:
    weights = ", ".join(f"float[8, 8, 3, 3] w{k}, float[8, 8, 3, 3] v{k}" for k in range(6))
    ops = " ".join(
        f"f{k} = Conv <pads = [1, 1, 1, 1]> (x{k}, w{k}) g{k} = Relu (f{k}) h{k} = Conv <pads = [1, 1, 1, 1]> (g{k}, v{k}) "
        f"x{k + 1} = Add (x{k}, h{k})"
        for k in range(6)
    )
    stem = f"x0 = Conv <pads = [1, 1, 1, 1], strides = [{first}, {first}]> (x, {'c, d' if bias else 'c'})"
    held = f"float[8, 3, 3, 3] c, float[8] d, {weights}"
    return f"agraph (float[n, 3, 16, 16] x) => (float[n, 8, h, w] y) <{held}> {{ {stem} {ops} y = Relu (x6) }}"


@pytest.mark.parametrize(("first", "bias", "told"), [(1, False, True), (2, False, False), (1, True, False)])
def test_convolutions_without_bias_may_have_lost_a_norm(first: int, bias: bool, told: bool, here: Path) -> None:
    assert ("missing-normalization" in rules(stripped(first, bias), here)) is told


QUANTIZED = """
agraph (float[1, 8, 8, 8] x) => (float[1, 8, 8, 8] y)
<float s = {{0.05}}, int8 z, float far = {{{far}}}, float[8, 8, 3, 3] w>
{{
    qx = QuantizeLinear (x, s, z) dx = DequantizeLinear (qx, s, z)
    c = Conv <pads = [1, 1, 1, 1]> (dx, w) r = Relu (c)
    qc = QuantizeLinear (r, far, z) dc = DequantizeLinear (qc, far, z) y = Add (dx, dc)
}}
"""


@pytest.mark.parametrize(("far", "told"), [(5.0, True), (0.0005, True), (0.1, False)])
def test_scales_far_apart_are_told_without_a_target(far: float, told: bool, here: Path) -> None:
    assert ("one-sided-quantization" in rules(QUANTIZED.format(far=far), here)) is told


def test_streams_of_two_symbols_that_are_added() -> None:
    graph = """
    agraph (float[s, 8] x, float[t, 8] z) => (float[t, 2] y) <float[8, 8] a, float[8, 8] b, float[8, 2] c>
    { f = MatMul (x, a) g = Relu (f) h = MatMul (z, b) i = Relu (h) j = Add (g, i) y = MatMul (j, c) }
    """
    (found,) = skip_dynamic_mismatch.check(anatomy(graph), Settings())
    assert isinstance(found, Draft)
    assert "only where s and t are the same" in found.message


def test_a_second_input_that_only_must_fit_is_the_callers_business() -> None:
    graph = """
    agraph (float[n, s, 8] x, float[n, t] mask) => (float[n, s] y) <float[8] a>
    { f = MatMul (x, a) y = Add (f, mask) }
    """
    assert not list(skip_dynamic_mismatch.check(anatomy(graph), Settings()))


def heads(turned: bool) -> str:
    """Attention with heads whose shapes are computed, as TorchScript exports it."""
    back = "m = Transpose <perm = [0, 2, 1, 3]> (o)" if turned else "m = Identity (o)"
    return f"""
    agraph (float[batch, seq, 16] x) => (float[batch, seq, 16] y)
    <float[16, 16] q, float[16, 16] p, int64[1] k = {{4}}, int64[1] d = {{4}}, int64[1] c = {{16}},
     int64 first = {{0}}, int64 second = {{1}}, int64[1] front = {{0}}>
    {{
        shape = Shape (x) b0 = Gather (shape, first) t0 = Gather (shape, second)
        b = Unsqueeze (b0, front) t = Unsqueeze (t0, front)
        split = Concat <axis = 0> (b, t, k, d) joined = Concat <axis = 0> (b, t, c)
        e = MatMul (x, q) f = Reshape (e, split) g = Transpose <perm = [0, 2, 1, 3]> (f)
        h = Transpose <perm = [0, 1, 3, 2]> (g) s = MatMul (g, h) a = Softmax (s) o = MatMul (a, g)
        {back} r = Reshape (m, joined) z = MatMul (r, p) y = Add (x, z)
    }}
    """


@pytest.mark.parametrize("turned", [True, False])
def test_heads_are_followed_through_computed_shapes(turned: bool, here: Path) -> None:
    assert ("shortcut-layout-mismatch" in rules(heads(turned), here)) is not turned


def test_scales_of_one_are_told(here: Path) -> None:
    def graph(scale: str) -> str:
        blocks = " ".join(
            f"f{k} = MatMul (x{k}, w) g{k} = Relu (f{k}) h{k} = Mul (g{k}, s) x{k + 1} = Add (x{k}, h{k})"
            for k in range(4)
        )
        return f"agraph (float[n, 2] x0) => (float[n, 2] x4) <float[2, 2] w, float[2] s = {{{scale}}}> {{ {blocks} }}"

    assert "dead-branch" in rules(graph("1, 1"), here)
    assert "dead-branch" not in rules(graph("1, 0.5"), here)
