"""Costs against published figures, across exporters and optimizers, and op by op."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, shape_inference

from reslint.anatomy.metrics.cost import assumed, costs, macs
from reslint.net import Net, from_proto, read
from reslint.net.contrib import known
from reslint.net.damage import versions_of

FIXTURES = Path(__file__).parent.parent / "fixtures"

PUBLISHED = {  # parameters and GMAC as torchvision publishes them; bert-base with pooler at 128 tokens in closed form
    "resnet18": (11_689_512, 1.814),
    "resnet50": (25_557_032, 4.089),
    "resnet152": (60_192_808, 11.514),
    "vgg19": (143_667_240, 19.632),
    "squeezenet1_0": (1_248_424, 0.819),
    "densenet121": (7_978_856, 2.834),
    "mobilenet_v2": (3_504_872, 0.301),
    "efficientnet_b0": (5_288_548, 0.386),
    "convnext_tiny": (28_589_128, 4.456),
    "vit_b_16": (86_567_656, 17.564),
    "swin_t": (28_288_354, 4.491),
    "bert": (109_482_240, 11.174),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published(name: str) -> None:
    params, gmac = PUBLISHED[name]
    found = costs(read(FIXTURES / f"{name}.onnx"))
    assert found.params == pytest.approx(params, rel=0.01)
    assert found.macs / 1e9 == pytest.approx(gmac, rel=0.01)
    assert found.unknown == ()


def test_sizes_of_a_dynamic_model() -> None:
    sizes = {"batch": 1, "length": 1024}
    model = onnx.load(FIXTURES / "gpt2_dyn.onnx", load_external_data=False)
    for given in model.graph.input:
        for d in given.type.tensor_type.shape.dim:
            d.dim_value = sizes[d.dim_param]  # inference invents names for what it can't divide, so it is told as well
    found = costs(from_proto(model), sizes)
    assert found.params == pytest.approx(124_439_808, rel=0.01)
    assert found.macs / 1e9 == pytest.approx(145.824, rel=0.01)


@pytest.mark.parametrize("name", ["bn", "ts", "qdq", "qoperator", "ort_basic", "ort_extended", "ort_all"])
def test_forms_of_one_network(name: str) -> None:
    found, plain = costs(_informed(f"resnet18_{name}")), costs(read(FIXTURES / "resnet18.onnx"))
    assert found.macs == plain.macs
    assert found.params == pytest.approx(plain.params, rel=0.001)
    assert found.unknown == ()


@pytest.mark.parametrize("name", ["ort_basic", "ort_extended", "ort_all"])
def test_forms_of_one_transformer(name: str) -> None:
    assert costs(_informed(f"bert_small_{name}")).macs == costs(read(FIXTURES / "bert_small.onnx")).macs


@pytest.mark.parametrize("name", ["llama_int4", "llama_fp16", "llama_opset23"])
def test_forms_of_one_language_model(name: str) -> None:
    found, plain = costs(_informed(name)), costs(read(FIXTURES / "llama.onnx"))
    assert (found.macs, found.unknown) == (plain.macs, ())
    assert found.params == pytest.approx(plain.params, rel=0.001)


def test_half_precision_takes_half_the_bytes() -> None:
    half, plain = (costs(read(FIXTURES / f"{n}.onnx")).activation_bytes for n in ("llama_fp16", "llama"))
    assert half < 0.7 * plain


def test_batch_normalization_statistics_are_no_parameters() -> None:
    assert costs(read(FIXTURES / "resnet18_bn.onnx")).params == 11_689_512


def test_tied_weights_count_once() -> None:
    net = _net("float[1,4] x", "float[1,4] y", "a = MatMul(x, w)  y = MatMul(a, w)", "float[4,4] w")
    assert costs(net).params == 16
    assert costs(net).macs == 32


def test_single_numbers_and_shapes_are_no_parameters() -> None:
    body = "s = Constant<value_ints = [4, 1]>()  c = Constant<value = float {0.5}>()  a = Mul(x, c)  y = Reshape(a, s)"
    assert costs(_net("float[1,4] x", "float[4,1] y", body)).params == 0


_LOOP = """
    times = Constant<value = int64 {5}>()  go = Constant<value = bool {1}>()
    y = Loop(times, go, x) <body = each (int64 i, bool c, float[1,4] s) => (bool d, float[1,4] t) {
        d = Identity(c)  b = MatMul(s, w)  t = Add(s, b)
    }>
"""


def test_loop_counts_its_trips() -> None:
    net = _net("float[1,4] x", "float[1,4] y", _LOOP, "float[4,4] w")
    found = costs(net)
    assert (found.macs, found.params, found.unknown) == (5 * 16, 16, ())
    assert found.by_op == {"b": 80, "y": 80}
    assert [macs(net, op) for op in net.live] == [80]


def test_loop_without_a_bound_is_listed() -> None:
    text = _LOOP.replace("times = Constant<value = int64 {5}>()", "times = Cast<to = 7>(n)")
    found = costs(_net("float[1,4] x, int32 n", "float[1,4] y", text, "float[4,4] w"))
    assert (found.macs, found.unknown) == (16, ("Loop",))


def test_costlier_branch_of_an_if_counts() -> None:
    body = """
        y = If(c) <then_branch = t () => (float[1,4] a) { a = MatMul(x, w) },
                   else_branch = e () => (float[1,4] b) { b = Relu(x) }>
    """
    assert costs(_net("float[1,4] x, bool c", "float[1,4] y", body, "float[4,4] w")).macs == 16


@pytest.mark.parametrize(
    ("takes", "gives", "body", "weights", "count"),
    [
        ("float[1,3,8,8] x", "float[1,6,8,8] y", "y = Conv<pads=[1,1,1,1]>(x, w)", "float[6,3,3,3] w", 6 * 64 * 27),
        ("float[1,4,8,8] x", "float[1,4,6,6] y", "y = Conv<group=4>(x, w)", "float[4,1,3,3] w", 4 * 36 * 9),
        ("float[1,4,8,8] x", "float[1,2,16,16] y", "y = ConvTranspose<strides=[2,2]>(x, w)", "float[4,2,2,2] w", 4 * 64 * 8),
        ("float[5,4] x", "float[4,3] y", "y = Gemm<transA=1, transB=1>(x, w)", "float[3,5] w", 4 * 3 * 5),
        ("float[2,3,4] x", "float[2,3] y", "y = MatMul(x, w)", "float[4] w", 24),
        ("float[2,4,3] x", "float[2,4,5] y", 'y = Einsum<equation="bij,bjk->bik">(x, w)', "float[2,3,5] w", 120),
        ("float[2,3,4] x", "float y", 'y = Einsum<equation="...ij,...ij->">(x, w)', "float[2,3,4] w", 24),
        ("float[7,2,4] x", "float[7,1,2,5] y", "y = GRU<hidden_size=5>(x, w, r)", "float[1,15,4] w, float[1,15,5] r", 1890),
        ("float[2,6,8] x", "float[2,6,8] y", "y = Attention<q_num_heads=2, kv_num_heads=2>(x, x, x)", "", 2 * 2 * 6 * 6 * 8),
        ("float[1,3,8,8] x", "float[1,3,4,4] y", "y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)", "", 0),
    ],
)  # fmt: skip
def test_one_op(takes: str, gives: str, body: str, weights: str, count: int) -> None:
    assert costs(_net(takes, gives, body, weights)).macs == count


@pytest.mark.parametrize("call", ["com.other.Thing(x)", "com.microsoft.MoE(x, w)", "STFT(x, step)"])
def test_what_was_not_counted_is_listed(call: str) -> None:
    net = _net("float[1,8] x", "float[a, b] y", f"step = Constant<value = int64 {{2}}>()  y = {call}", "float[8,8] w")
    assert costs(net).unknown == (call.partition("(")[0],)


def test_symbols() -> None:
    net = _net("float[batch, length, 4] x", "float[batch, length, 4] y", "y = MatMul(x, w)", "float[4,4] w")
    assert (costs(net).macs, assumed(net)) == (16, ("batch", "length"))
    sizes = {"batch": 2, "length": 3}
    assert (costs(net, sizes).macs, assumed(net, sizes)) == (96, ())


def test_arithmetic_of_symbols() -> None:
    net = _net(
        'float["2*n + 1", "floor(n/2)", "odd name!", 4] x',
        "float[a, b, c, d] y",
        "z = MatMul(x, w)  y = Relu(z)",
        "float[4,4] w",
    )
    assert costs(net, {"n": 7}).macs == 15 * 3 * 16
    assert "odd name!" in assumed(net, {"n": 7})


def test_nothing_in_the_fixtures_is_left_out_in_silence() -> None:
    for path in sorted(FIXTURES.glob("*.onnx")):
        found = costs(_informed(path.stem))
        assert found.macs, path.stem
        assert found.params, path.stem
        assert found.unknown == (), path.stem


def _informed(name: str) -> Net:
    """A fixture with the shapes behind ONNX Runtime's own operators, whether or not the reader finds them."""
    model = onnx.load(FIXTURES / f"{name}.onnx", load_external_data=False)
    with known(versions_of(model.opset_import), {(n.domain, n.op_type) for n in model.graph.node}):
        return from_proto(shape_inference.infer_shapes(model, data_prop=True), FIXTURES / f"{name}.onnx")


def _net(takes: str, gives: str, body: str, weights: str = "") -> Net:
    """The net of a graph in ONNX text, whose weights are zeros."""
    domains = '"" : 23, "com.microsoft" : 1, "com.other" : 1'
    declared = f"<{weights}>" if weights else ""
    model: ModelProto = onnx.parser.parse_model(
        f"<ir_version: 10, opset_import: [{domains}]> g ({takes}) => ({gives}) {declared} {{ {body} }}"
    )
    for info in list(model.graph.value_info):
        if weights:
            dims = [d.dim_value for d in info.type.tensor_type.shape.dim]
            size = 4
            for d in dims:
                size *= d
            model.graph.initializer.add(name=info.name, dims=dims, data_type=1, raw_data=bytes(size))
    del model.graph.value_info[:]
    return from_proto(model)
