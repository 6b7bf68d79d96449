"""What reslint sees: counts in every fixture, path lengths against their closed form, and traps that look like residuals."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import onnx
import pytest
from pages import HEADER, weigh

from reslint.anatomy import Anatomy, Block, Kind, Placement, dissect
from reslint.net import from_proto, read

FIXTURES = Path(__file__).parent.parent / "fixtures"

EXPECTED: dict[str, tuple[str, str, str, str]] = {
    # kinds; placement; stacks as blocks/period; depth as weighted/residual
    "bert": ("24 identity", "24 post", "24/2", "49/24"),
    "bert_small": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_fp16": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_fused": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_int8": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_ort_all": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_ort_basic": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_ort_extended": ("6 identity", "6 post", "6/2", "13/6"),
    "bert_small_ts": ("6 identity", "6 post", "6/2", "13/6"),
    "convnext_tiny": ("18 identity", "18 pre", "3/1 3/1 9/1 3/1", "59/18"),
    "efficientnet_b0": ("9 identity", "9 folded?", "1/1 1/1 2/1 2/1 3/1", "82/9"),
    "functions": ("4 identity", "4 pre", "4/1", "8/4"),
    "gpt2_dyn": ("24 identity", "24 pre", "24/2", "49/24"),
    "highway": ("6 gated", "6 none", "6/1", "7/6"),
    "llama": ("8 identity", "8 pre", "8/2", "17/8"),
    "llama_fp16": ("8 identity", "8 pre", "8/2", "17/8"),
    "llama_int4": ("8 identity", "8 pre", "8/2", "17/8"),
    "mobilenet_v2": ("10 identity", "10 folded?", "1/1 2/1 3/1 2/1 2/1", "53/10"),
    "resnet18": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_bn": ("5 identity, 3 projection", "8 branch-end", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_ort_all": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_ort_basic": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_ort_extended": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_qdq": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_qoperator": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet18_ts": ("5 identity, 3 projection", "8 folded?", "2/1 2/2 2/2 2/2", "18/8"),
    "resnet50": ("12 identity, 4 projection", "16 folded?", "3/1 4/1 6/1 3/1", "50/16"),
    "resnet50_broken": ("12 identity, 4 projection", "16 folded?", "", "50/16"),
    "resnet152": ("46 identity, 4 projection", "50 folded?", "3/1 8/1 36/1 3/1", "152/50"),
    "squeezenet1_0": ("", "", "", "18/0"),
    "swin_t": ("24 identity", "24 pre", "4/2 4/2 12/2 4/2", "53/24"),
    "vgg19": ("", "", "", "19/0"),
    "vit_b_16": ("24 identity", "24 pre", "24/2", "50/24"),
}

PATHS = {  # the least, the most and the mean number of weighted layers (evidence: closed form over the residual skeleton)
    "resnet18": (5, 18, 11.5, 8),
    "resnet50": (6, 50, 28, 16),
    "resnet152": (6, 152, 79, 50),
    "mobilenet_v2": (23, 53, 38, 10),
    "densenet121": (5, 121, 63, 58),
    "vgg19": (19, 19, 19, 0),
}


def anatomy_of(graph: str) -> Anatomy:
    """The anatomy of a checked graph in ONNX text, with weights for what nothing makes."""
    model = onnx.parser.parse_model(graph if graph.lstrip().startswith("<") else HEADER + graph)
    weigh(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return dissect(from_proto(model))


def seen(graph: str) -> dict[str, str]:
    """What each merge is, by the tensor that it makes: its kind, or its role where it is no residual connection."""
    anatomy = anatomy_of(graph)
    return {b.merge.id: str(b.kind) for b in anatomy.blocks} | {m.op.id: str(m.role) for m in anatomy.merges}


def only_block(graph: str) -> Block:
    (block,) = anatomy_of(graph).blocks
    return block


def counted(words: list[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(Counter(words).items()))


class TestFixtures:
    """Real exports, in every form that they come in."""

    @pytest.mark.parametrize("name", EXPECTED)
    def test_counts(self, name: str) -> None:
        anatomy = dissect(read(FIXTURES / f"{name}.onnx"))
        kinds, placements, stacks, depth = EXPECTED[name]
        assert counted([str(b.kind) for b in anatomy.blocks]) == kinds
        assert counted([str(b.normalization) for b in anatomy.blocks]) == placements
        if stacks:
            assert " ".join(f"{len(s.blocks)}/{s.period}" for s in anatomy.stacks) == stacks
        assert f"{anatomy.depth.weighted}/{anatomy.depth.residual}" == depth

    def test_dense(self) -> None:
        anatomy = dissect(read(FIXTURES / "densenet121.onnx"))
        assert {b.kind for b in anatomy.blocks} == {Kind.DENSE}
        assert len(anatomy.blocks) == 6 + 12 + 24 + 16
        assert {b.normalization for b in anatomy.blocks} == {Placement.PRE}
        assert anatomy.depth.weighted == 121

    @pytest.mark.parametrize("name", PATHS)
    def test_paths(self, name: str) -> None:
        paths = dissect(read(FIXTURES / f"{name}.onnx")).paths
        least, most, mean, log2 = PATHS[name]
        assert (paths.min, paths.max) == (least, most)
        assert paths.mean == pytest.approx(mean)
        assert paths.log2_count == pytest.approx(log2)
        assert sum(paths.shares) == pytest.approx(1)


def chain(blocks: int, layers: int) -> Anatomy:
    """A row of identity blocks with so many layers each."""
    lines = []
    for k in range(blocks):
        for m in range(layers):
            lines.append(f"f{k}_{m} = MatMul ({f'g{k}_{m - 1}' if m else f'x{k}'}, w) g{k}_{m} = Relu (f{k}_{m})")
        lines.append(f"x{k + 1} = Add (x{k}, g{k}_{layers - 1})")
    body = "\n".join(lines)
    model = onnx.parser.parse_model(
        f"{HEADER} agraph (float[1, 4] x0) => (float[1, 4] x{blocks}) <float[4, 4] w> {{ {body} }}"
    )
    weigh(model.graph)
    return dissect(from_proto(model))


class TestPathLengths:
    """The distribution is a product of polynomials: two to the number of blocks, without walking a single path."""

    def test_veit(self) -> None:
        """Veit et al. 2016: 54 modules; paths of 5 to 17 modules are 0.45 % of all."""
        paths = chain(54, 1).paths
        share = {paths.start + k: s for k, s in enumerate(paths.shares)}
        assert sum(s for k, s in share.items() if 19 <= k <= 35) == pytest.approx(0.980, abs=0.0005)
        assert sum(s for k, s in share.items() if 5 <= k <= 17) == pytest.approx(0.004537, abs=5e-7)
        assert (paths.log2_count, paths.min, paths.mode, paths.max) == (54, 0, 27, 54)

    def test_parallel_branches(self) -> None:
        """The longest way takes one of two branches on one fork, so that the layers of the other are not on it."""
        paths = anatomy_of("""
            agraph (float[1, 4] x) => (float[1, 4] y) <float[4, 4] a, float[4, 4] b, float[4, 4] c>
            {
                f = MatMul (x, a)
                g = Relu (f)
                h = MatMul (g, b)
                k = MatMul (x, c)
                t = Tanh (k)
                s = Add (x, h)
                y = Add (s, t)
            }
        """).paths
        assert (paths.log2_count, paths.min, paths.max) == (1, 0, 2)

    @pytest.mark.parametrize(("blocks", "layers"), [(1, 1), (3, 2), (10, 3)])
    def test_closed_form(self, blocks: int, layers: int) -> None:
        paths = chain(blocks, layers).paths
        assert paths.mean == pytest.approx(blocks * layers / 2)
        assert paths.variance == pytest.approx(blocks * layers**2 / 4)
        expected = [math.comb(blocks, k) / 2**blocks for k in range(blocks + 1)]
        assert paths.shares[:: layers or 1] == pytest.approx(expected)

    def test_ten_thousand_blocks(self) -> None:
        paths = chain(10_000, 1).paths
        assert paths.log2_count == 10_000
        assert (paths.min, paths.max, paths.mode) == (0, 10_000, 5_000)
        assert paths.mean == pytest.approx(5_000)
        assert paths.variance == pytest.approx(2_500)
        assert len(paths.shares) < 2_000

    def test_blocks_inside_blocks(self) -> None:
        """A long skip around two blocks adds one way to their four."""
        paths = anatomy_of("""
            agraph (float[1, 4] x) => (float[1, 4] y) <float[4, 4] w>
            {
                f = MatMul (x, w) g = Relu (f) a = Add (x, g)
                h = MatMul (a, w) i = Relu (h) b = Add (a, i)
                j = MatMul (b, w) k = Relu (j)
                y = Add (x, k)
            }
        """).paths
        assert 2**paths.log2_count == pytest.approx(5)
        assert (paths.min, paths.max) == (0, 3)
        assert paths.shares == pytest.approx([1 / 5, 1 / 5, 2 / 5, 1 / 5])


class TestNoResiduals:
    """Merges of the same shape that are none, each with its reason."""

    def test_res2net_adds_slices(self) -> None:
        found = seen("""
            agraph (float[1, 12, 6, 6] x) => (float[1, 12, 6, 6] y)
            <float[12, 12, 1, 1] first, float[4, 4, 3, 3] w, float[4, 4, 3, 3] v, float[12, 12, 1, 1] last,
             int64[3] parts = {4, 4, 4}>
            {
                e = Conv (x, first)
                d = Relu (e)
                a, b, c = Split <axis = 1> (d, parts)
                f = Conv <pads = [1, 1, 1, 1]> (a, w)
                g = Relu (f)
                s = Add (g, b)
                h = Conv <pads = [1, 1, 1, 1]> (s, v)
                i = Relu (h)
                all = Concat <axis = 1> (g, i, c)
                j = Conv (all, last)
                y = Add (x, j)
            }
        """)
        assert (found["s"], found["y"]) == ("slices", "identity")

    def test_rotary_embedding(self) -> None:
        assert seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8, 8] w, float[4, 8] cos, float[4, 8] sin, int64[2] halves = {4, 4}>
            {
                q = MatMul (x, w)
                a, b = Split <axis = -1> (q, halves)
                c = Neg (b)
                r = Concat <axis = -1> (c, a)
                k = Mul (q, cos)
                l = Mul (r, sin)
                y = Add (k, l)
            }
        """)["y"] in ("arithmetic", "position", "slices")

    def test_gelu_in_its_tanh_form(self) -> None:
        assert seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float three = {3}, float c = {0.044715}, float root = {0.7978845}, float one = {1}, float half = {0.5}>
            {
                cube = Pow (x, three)
                scaled = Mul (cube, c)
                inner = Add (x, scaled)
                rooted = Mul (inner, root)
                t = Tanh (rooted)
                more = Add (t, one)
                z = Mul (x, more)
                y = Mul (z, half)
            }
        """) == {"inner": "arithmetic"}

    def test_squeeze_and_excitation(self) -> None:
        """A gate multiplies; nothing is added, and the three of a hard sigmoid is a constant."""
        assert (
            seen("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
            <float[2, 8, 1, 1] w, float[8, 2, 1, 1] v, float three = {3}, float six = {6}, float zero = {0}>
            {
                p = GlobalAveragePool (x)
                f = Conv (p, w)
                g = Relu (f)
                h = Conv (g, v)
                a = Add (h, three)
                c = Clip (a, zero, six)
                d = Div (c, six)
                y = Mul (x, d)
            }
        """)
            == {}
        )

    def test_relative_positions(self) -> None:
        """Scores plus a term made of the same queries become attention weights."""
        assert seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8, 8] q, float[8, 8] k, float[8, 8] v, float[8, 4] places>
            {
                a = MatMul (x, q)
                b = MatMul (x, k)
                t = Transpose <perm = [0, 2, 1]> (b)
                scores = MatMul (a, t)
                relative = MatMul (a, places)
                s = Add (scores, relative)
                p = Softmax (s)
                c = MatMul (x, v)
                y = MatMul (p, c)
            }
        """) == {"s": "attention"}

    def test_time_embedding(self) -> None:
        found = seen("""
            agraph (float[1, 8, 6, 6] x, float[1, 16] t) => (float[1, 8, 6, 6] y)
            <float[8, 8, 3, 3] w, float[16, 8] e, float[8, 8, 3, 3] v, int64[4] shape = {1, 8, 1, 1}>
            {
                f = Conv <pads = [1, 1, 1, 1]> (x, w)
                m = MatMul (t, e)
                r = Reshape (m, shape)
                c = Add (f, r)
                a = Relu (c)
                h = Conv <pads = [1, 1, 1, 1]> (a, v)
                y = Add (x, h)
            }
        """)
        assert found["y"] == "identity"
        assert found["c"] not in set(Kind)

    def test_inception(self) -> None:
        assert seen("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 16, 6, 6] y)
            <float[8, 8, 1, 1] w, float[8, 8, 3, 3] v>
            {
                f = Conv (x, w)
                g = Relu (f)
                h = Conv <pads = [1, 1, 1, 1]> (x, v)
                i = Relu (h)
                y = Concat <axis = 1> (g, i)
            }
        """) == {"y": "branch"}

    def test_kernel_that_stands_in_its_weight_only(self) -> None:
        assert seen("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
            <float[8, 8, 3, 3] w, float[8, 8, 3, 3] v, float[8, 8, 3, 3] u>
            {
                f = Conv <pads = [1, 1, 1, 1]> (x, w)
                g = Relu (f)
                h = Conv <pads = [1, 1, 1, 1]> (g, v)
                s = Conv <pads = [1, 1, 1, 1]> (x, u)
                y = Add (s, h)
            }
        """) == {"y": "fuse"}

    def test_two_branches_that_both_work(self) -> None:
        assert seen("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
            <float[8, 8, 3, 3] w, float[8, 8, 5, 5] v>
            {
                f = Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (x, w)
                g = Relu (f)
                h = Conv <pads = [2, 2, 2, 2], kernel_shape = [5, 5]> (x, v)
                i = Relu (h)
                y = Add (g, i)
            }
        """) == {"y": "fuse"}

    def test_concatenation_in_a_unet(self) -> None:
        assert seen("""
            agraph (float[1, 8, 8, 8] x) => (float[1, 8, 8, 8] y)
            <float[8, 8, 3, 3] a, float[8, 8, 3, 3] b, float[8, 8, 2, 2] up, float[8, 16, 3, 3] c>
            {
                f = Conv <pads = [1, 1, 1, 1]> (x, a)
                g = Relu (f)
                p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (g)
                h = Conv <pads = [1, 1, 1, 1]> (p, b)
                i = Relu (h)
                u = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (i, up)
                j = Concat <axis = 1> (g, u)
                y = Conv <pads = [1, 1, 1, 1]> (j, c)
            }
        """) == {"j": "unet"}

    def test_sum_across_a_change_of_resolution(self) -> None:
        assert seen("""
            agraph (float[1, 8, 8, 8] x) => (float[1, 8, 8, 8] y)
            <float[8, 8, 3, 3] a, float[8, 8, 3, 3] b, float[8, 8, 2, 2] up>
            {
                f = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, a)
                g = Relu (f)
                h = Conv <pads = [1, 1, 1, 1]> (g, b)
                i = Add (g, h)
                j = Relu (i)
                u = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (j, up)
                y = Add (x, u)
            }
        """) == {"i": "identity", "y": "unet"}

    def test_recurrent_cell(self) -> None:
        """The gate of a GRU that is spelled out in the body of a Scan mixes a state, and no stream of a deep network."""
        found = seen("""
            agraph (float[1, 8] x, float[steps, 1, 8] given) => (float[1, 8] y)
            <float[8, 8] w, float[8, 8] u, float[8, 8] n, float one = {1}>
            {
                y = Scan <num_scan_inputs = 1, body = step (float[1, 8] h, float[1, 8] now) => (float[1, 8] next) {
                    a = MatMul (now, w)
                    b = MatMul (h, u)
                    c = Add (a, b)
                    z = Sigmoid (c)
                    d = MatMul (now, n)
                    e = Tanh (d)
                    rest = Sub (one, z)
                    kept = Mul (h, z)
                    new = Mul (e, rest)
                    next = Add (kept, new)
                }> (x, given)
            }
        """)
        assert not set(found.values()) & {str(k) for k in Kind}

    def test_recurrent_cell_whose_input_is_made_of_its_state(self) -> None:
        """A decoder attends by its state; `n + z * (h - n)` is how torch and Paddle write a GRU."""
        assert seen("""
            agraph (float[1, 8] x, bool on) => (float[1, 8] y)
            <float[8, 8] w, float[8, 8] u, float[8, 8] n, float[8, 8] r, float[1] zero = {0}, int64 times = {9},
             int64[1] first = {0}>
            {
                y = Loop (times, on, x) <body = step (int64 i, bool go, float[1, 8] h) => (bool goes, float[1, 8] after) {
                    goes = Identity (go)
                    now = MatMul (h, r)
                    a = MatMul (now, w)
                    b = MatMul (h, u)
                    c = Add (a, b)
                    z = Sigmoid (c)
                    d = MatMul (now, n)
                    e = Tanh (d)
                    part = Sub (h, e)
                    kept = Mul (part, z)
                    next = Add (kept, e)
                    wide = Unsqueeze (next, first)
                    same = Add (wide, zero)
                    after = Squeeze (same, first)
                }>
            }
        """) == {"c": "arithmetic", "next": "cell"}


class TestResiduals:
    """Residual connections in forms that hide them."""

    def test_convolutional_position_encoding(self) -> None:
        assert seen("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y) <float[8, 1, 3, 3] w>
            {
                e = Conv <pads = [1, 1, 1, 1], group = 8> (x, w)
                y = Add (x, e)
            }
        """) == {"y": "identity"}

    def test_three_way_sum_that_joins_the_branches_first(self) -> None:
        assert seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8] s, float[8, 16] w, float[16, 8] v, float[8, 16] p, float[16, 8] q>
            {
                n = LayerNormalization (x, s)
                a = MatMul (n, w)
                b = Gelu (a)
                c = MatMul (b, v)
                d = MatMul (n, p)
                e = Tanh (d)
                f = MatMul (e, q)
                both = Add (c, f)
                y = Add (x, both)
            }
        """) == {"both": "fuse", "y": "identity"}

    def test_three_way_sum_on_the_stream(self) -> None:
        found = seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8] s, float[8, 16] w, float[16, 8] v, float[8, 16] p, float[16, 8] q>
            {
                n = LayerNormalization (x, s)
                a = MatMul (n, w)
                b = Gelu (a)
                c = MatMul (b, v)
                d = MatMul (n, p)
                e = Tanh (d)
                f = MatMul (e, q)
                first = Add (x, c)
                y = Add (first, f)
            }
        """)
        assert "identity" in found.values()

    def test_long_skip_at_one_resolution(self) -> None:
        anatomy = anatomy_of("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y) <float[8, 8, 3, 3] w>
            {
                f = Conv <pads = [1, 1, 1, 1]> (x, w) g = Relu (f) a = Add (x, g)
                h = Conv <pads = [1, 1, 1, 1]> (a, w) i = Relu (h) b = Add (a, i)
                c = Conv <pads = [1, 1, 1, 1]> (b, w)
                y = Add (x, c)
            }
        """)
        assert [str(b.kind) for b in anatomy.blocks] == ["identity"] * 3
        assert anatomy.blocks[-1].fork == "x"
        assert set(anatomy.blocks[-1].inner) == {"a", "b"}

    def test_dense(self) -> None:
        block = only_block("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 4, 6, 6] z)
            <float[8] s, float[8] b, float[8] m, float[8] v, float[4, 8, 3, 3] w, float[4, 12, 3, 3] k>
            {
                n = BatchNormalization (x, s, b, m, v)
                r = Relu (n)
                f = Conv <pads = [1, 1, 1, 1]> (r, w)
                y = Concat <axis = 1> (x, f)
                z = Conv <pads = [1, 1, 1, 1]> (y, k)
            }
        """)
        assert (block.kind, block.fork, block.normalization) == (Kind.DENSE, "x", Placement.PRE)

    def test_gate_of_a_gru_around_a_branch(self) -> None:
        """GTrXL: a gate decides between the stream and the branch."""
        found = seen("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8] s, float[8, 16] w, float[16, 8] v, float[8, 8] p, float[8, 8] q, float one = {1}>
            {
                n = LayerNormalization (x, s)
                a = MatMul (n, w)
                b = Gelu (a)
                c = MatMul (b, v)
                d = MatMul (c, p)
                e = MatMul (x, q)
                f = Add (d, e)
                z = Sigmoid (f)
                t = Tanh (c)
                rest = Sub (one, z)
                kept = Mul (x, rest)
                new = Mul (t, z)
                y = Add (kept, new)
            }
        """)
        assert found["y"] == "gated"
        assert found["f"] not in set(Kind)

    def test_skip_layer_normalization(self) -> None:
        """The fused sum and norm of ONNX Runtime; the one that swallows an embedding is none."""
        anatomy = anatomy_of("""
            agraph (float[1, 4, 8] words, float[1, 4, 8] places) => (float[1, 4, 8] y)
            <float[8] s, float[8] b, float[8, 16] w, float[16, 8] v>
            {
                x = com.microsoft.SkipLayerNormalization (words, places, s, b)
                f = MatMul (x, w)
                g = com.microsoft.Gelu (f)
                h = MatMul (g, v)
                y = com.microsoft.SkipLayerNormalization (x, h, s, b)
            }
        """)
        (block,) = anatomy.blocks
        assert (block.merge.id, block.fork, block.kind) == ("y", "x", Kind.IDENTITY)
        assert block.normalization is Placement.POST
        assert [m.op.id for m in anatomy.merges] == ["x"]

    def test_skip_layer_normalization_with_its_sum(self) -> None:
        """The fourth output is the stream of a pre-norm stack."""
        anatomy = anatomy_of("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8] s, float[8] b, float[8, 16] w, float[16, 8] v>
            {
                n = LayerNormalization (x, s)
                f = MatMul (n, w)
                g = com.microsoft.Gelu (f)
                h = MatMul (g, v)
                o, "", "", t = com.microsoft.SkipLayerNormalization (x, h, s, b)
                i = MatMul (o, w)
                j = com.microsoft.Gelu (i)
                k = MatMul (j, v)
                y = Add (t, k)
            }
        """)
        assert [(b.merge.id, b.fork, str(b.kind), str(b.normalization)) for b in anatomy.blocks] == [
            ("o", "x", "identity", "pre"),
            ("y", "t", "identity", "pre"),
        ]

    def test_fused_convolution_with_a_sum(self) -> None:
        block = only_block("""
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
            <float[8, 8, 3, 3] w, float[8] b, float[8, 8, 3, 3] v>
            {
                f = com.microsoft.FusedConv <pads = [1, 1, 1, 1], kernel_shape = [3, 3], activation = "Relu"> (x, w, b)
                y = com.microsoft.FusedConv <pads = [1, 1, 1, 1], kernel_shape = [3, 3], activation = "Relu"> (f, v, b, x)
            }
        """)
        assert (block.merge.id, block.fork, block.kind) == ("y", "x", Kind.IDENTITY)
        assert block.activation is block.merge
        assert block.depth == 2

    def test_blocked_convolution_with_a_fourth_input(self) -> None:
        header = HEADER.replace('"com.microsoft": 1', '"com.microsoft.nchwc": 1')
        block = only_block(
            header
            + """
            agraph (float[1, 8, 6, 6] x) => (float[1, 8, 6, 6] y)
            <float[8, 8, 3, 3] w, float[8] b, float[8, 8, 3, 3] v>
            {
                f = com.microsoft.nchwc.Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3], activation = "Relu"> (x, w, b)
                y = com.microsoft.nchwc.Conv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (f, v, b, x)
            }
        """
        )
        assert (block.merge.id, block.fork, block.kind) == ("y", "x", Kind.IDENTITY)

    def test_quantized_sum(self) -> None:
        block = only_block("""
            agraph (uint8[1, 8, 6, 6] x) => (uint8[1, 8, 6, 6] y)
            <uint8[8, 8, 3, 3] w, float s, uint8 zero = {128}>
            {
                f = QLinearConv <pads = [1, 1, 1, 1], kernel_shape = [3, 3]> (x, s, zero, w, s, zero, s, zero)
                y = com.microsoft.QLinearAdd (x, s, zero, f, s, zero, s, zero)
            }
        """)
        assert (block.merge.id, block.fork, block.kind) == ("y", "x", Kind.IDENTITY)

    def test_in_the_body_of_a_loop(self) -> None:
        block = only_block("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8] s, float[8, 16] w, float[16, 8] v, bool on = {1}, int64 times = {8}>
            {
                y = Loop (times, on, x) <body = step (int64 i, bool go, float[1, 4, 8] h) => (bool goes, float[1, 4, 8] next) {
                    goes = Identity (go)
                    n = LayerNormalization (h, s)
                    f = MatMul (n, w)
                    g = Gelu (f)
                    b = MatMul (g, v)
                    next = Add (h, b)
                }>
            }
        """)
        assert (block.merge.id, block.kind, block.normalization) == ("next", Kind.IDENTITY, Placement.PRE)
        assert block.net.owner is not None

    @pytest.mark.parametrize(
        ("behind", "kind"),
        [("y = Mul (s, half)", "identity"), ("y = Relu (s)", "identity"), ("y = Identity (s)", "identity")],
    )
    def test_what_follows_the_sum_leaves_the_kind(self, behind: str, kind: str) -> None:
        assert seen(f"""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y) <float[8, 16] w, float[16, 8] v, float half = {{0.7071}}>
            {{ f = MatMul (x, w) g = Gelu (f) h = MatMul (g, v) s = Add (x, h) {behind} }}
        """) == {"s": kind}

    @pytest.mark.parametrize(
        ("shortcut", "kind"),
        [
            ("s = Identity (x)", "identity"),
            ("s = Mul (x, gain)", "scaled"),
            ("s = MatMul (x, p)", "projection"),
            ("s = LayerNormalization (x, gain)", "scaled"),
        ],
    )
    def test_kinds_of_shortcuts(self, shortcut: str, kind: str) -> None:
        assert seen(f"""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8, 16] w, float[16, 8] v, float[8] gain, float[8, 8] p>
            {{ f = MatMul (x, w) g = Gelu (f) h = MatMul (g, v) {shortcut} y = Add (s, h) }}
        """) == {"y": kind}

    @pytest.mark.parametrize(
        ("before", "end", "behind", "placement"),
        [
            ("n = LayerNormalization (x, s)", "e = Identity (h)", "y = Identity (t)", "pre"),
            ("n = Identity (x)", "e = Identity (h)", "y = LayerNormalization (t, s)", "post"),
            ("n = Identity (x)", "e = LayerNormalization (h, s)", "y = Identity (t)", "branch-end"),
            ("n = LayerNormalization (x, s)", "e = LayerNormalization (h, s)", "y = Identity (t)", "sandwich"),
            ("n = Identity (x)", "e = Identity (h)", "y = Identity (t)", "none"),
        ],
    )
    def test_where_the_normalization_sits(self, before: str, end: str, behind: str, placement: str) -> None:
        block = only_block(f"""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y) <float[8] s, float[8, 16] w, float[16, 8] v>
            {{ {before} f = MatMul (n, w) g = Gelu (f) h = MatMul (g, v) {end} t = Add (x, e) {behind} }}
        """)
        assert block.normalization == placement

    def test_decomposed_norm_is_a_norm(self) -> None:
        block = only_block("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8, 16] w, float[16, 8] v, float[8] gain, float two = {2}, float tiny = {0.00001}, int64[1] last = {-1}>
            {
                square = Pow (x, two)
                mean = ReduceMean (square, last)
                safe = Add (mean, tiny)
                root = Sqrt (safe)
                unit = Div (x, root)
                n = Mul (unit, gain)
                f = MatMul (n, w)
                g = Gelu (f)
                h = MatMul (g, v)
                y = Add (x, h)
            }
        """)
        assert (block.kind, block.normalization, block.scale_branch) == (Kind.IDENTITY, Placement.PRE, None)

    def test_scales(self) -> None:
        block = only_block("""
            agraph (float[1, 4, 8] x) => (float[1, 4, 8] y)
            <float[8, 16] w, float[16, 8] v, float alpha = {1.5}, float beta = {0.25}>
            {
                f = MatMul (x, w) g = Gelu (f) h = MatMul (g, v)
                a = Mul (x, alpha) b = Mul (h, beta)
                y = Add (a, b)
            }
        """)
        assert block.kind is Kind.SCALED
        assert block.scale_shortcut is not None
        assert block.scale_branch is not None
        assert (block.scale_shortcut.value, block.scale_branch.value) == (1.5, 0.25)
