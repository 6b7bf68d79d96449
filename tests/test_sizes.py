"""The arithmetic of sizes against ONNX Runtime: what each operator makes of a size, and at which sizes whole graphs fail."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from pages import weigh

import reslint
from reslint.anatomy.sizes import Trial, fixed, tried
from reslint.net.read import from_proto

HEADER = '<ir_version: 9, opset_import: ["": {}]>\n'
SIZES = range(1, 40)


def model_of(text: str, opset: int = 18) -> onnx.ModelProto:
    """A model from text, with seeded weights."""
    model = onnx.parser.parse_model(HEADER.format(opset) + text)
    weigh(model.graph)
    return model


def ran(model: onnx.ModelProto, trial: Trial, key: str) -> Iterator[tuple[int, tuple[int, ...] | None]]:
    """The shape of the first output at each size of one symbol, None where ONNX Runtime fails."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for size in SIZES:
        given = {
            i.name: np.ones(
                [d if isinstance(d, int) else int(size if d == key else trial.base[d]) for d in i.shape],
                np.int64 if "int64" in i.type else np.float32,
            )
            for i in session.get_inputs()
        }
        try:
            yield size, session.run(None, given)[0].shape
        except Exception:  # ONNX Runtime has a class for each kind of failure, and none above them
            yield size, None


def agrees(text: str, opset: int = 18) -> Trial:
    """A trial that agrees with ONNX Runtime at all sizes: where it fails, and the shape that comes out where it does not."""
    model = model_of(text, opset)
    net = from_proto(model)
    trial = tried(net)
    assert trial is not None
    extents = trial.extents(net, net.canonical(net.outputs[0]))
    assert extents is not None
    for sweep in trial.sweeps:
        for size, shape in ran(model, trial, sweep.symbol.key):
            at = sweep.columns.start + size - 1
            assert bool(trial.works[at]) == (shape is not None), (sweep.symbol.key, size, shape)
            if shape is not None:
                assert [d if isinstance(d, float) else d[at] for d in extents] == list(shape), (sweep.symbol.key, size)
    return trial


RANDOM = np.random.default_rng(14)


def windows() -> Iterator[str]:
    """Convolutions and poolings of all makes."""
    for _ in range(30):
        kernel, stride, dilation = (int(RANDOM.integers(1, top)) for top in (6, 5, 3))
        head, tail = (int(RANDOM.integers(0, (kernel + 1) // 2 + 1)) for _ in range(2))
        same = RANDOM.choice(
            ["", 'auto_pad = "SAME_UPPER"', 'auto_pad = "SAME_LOWER"', 'auto_pad = "VALID"'], p=[0.7, 0.1, 0.1, 0.1]
        )
        pads = same or f"pads = [{head}, {tail}]"
        dilations = "" if same.startswith('auto_pad = "SAME') else f", dilations = [{dilation}]"
        ceil = ", ceil_mode = 1" if RANDOM.random() < 0.5 and not same else ""
        yield f"y = Conv <{pads}, strides = [{stride}]{dilations}> (x, w{kernel})"
        if max(head, tail) < kernel:
            yield f"y = MaxPool <kernel_shape = [{kernel}], {pads}, strides = [{stride}]{dilations}{ceil}> (x)"
            yield f"y = AveragePool <kernel_shape = [{kernel}], {pads}, strides = [{stride}]{ceil}> (x)"
        if stride > 1 and not same:
            extra = int(RANDOM.integers(0, stride))
            yield f"y = ConvTranspose <{pads}, strides = [{stride}], output_padding = [{extra}]> (x, w{kernel})"


@pytest.mark.parametrize("node", sorted(set(windows())))
def test_windows(node: str) -> None:
    kernels = ", ".join(f"float[4, 4, {k}] w{k}" for k in range(1, 6))
    agrees(f"g (float[1, 4, n] x) => (float[1, 4, m] y) <{kernels}> {{ {node} }}")


RESHAPED = [
    "y = Resize <mode = 'nearest'> (x, , scales)".replace("'", '"'),
    "y = Reshape (x, keep)",
    "y = Reshape (x, pairs)",
    "y = Flatten <axis = 2> (x)",
    "y = Slice (x, one, far, two, step)",
    "y = Slice (x, minus, begin, two, back)",
    "y = Slice (x, one, minus, two)",
    "y = Pad (x, pads)",
    "y = Tile (x, repeats)",
    "a, y = Split <axis = 2, num_outputs = 2> (x)",
    "y = ReduceMean <keepdims = 0> (x, two)",
    "s = Shape (x) n = Gather (s, at) h = Div (n, half) k = Unsqueeze (h, zero) y = Slice (x, zero, k, two)",
    "s = Shape (x) y = ConstantOfShape (s)",
    "s = Shape (x) n = Gather (s, at) y = Range (origin, n, half)",
    "s = Shape (x) t = Mul (s, double) y = Expand (thin, s) ",
    's = Shape (x) t = Mul (s, double) u = Cast <to = 7> (t) y = Resize <mode = "linear"> (x, , , u)',
    'y = Einsum <equation = "bcn,bcm->bnm"> (x, x)',
    "p = Transpose <perm = [2, 0, 1]> (x) y, h = GRU <hidden_size = 5> (p, gw, gr)",
]


@pytest.mark.parametrize("nodes", [n for n in RESHAPED if "wide" not in n and "p1" not in n])
def test_layout(nodes: str) -> None:
    agrees(
        f"""g (float[1, 4, n] x) => (float[k] y)
        <float[3] scales = {{1.0, 1.0, 1.7}}, int64[3] keep = {{0, -1, 2}}, int64[2] pairs = {{2, -1}}, int64[1] one = {{1}},
         int64[1] far = {{9223372036854775807}}, int64[1] begin = {{-9223372036854775807}}, int64[1] two = {{2}},
         int64[1] step = {{3}}, int64[1] minus = {{-2}}, int64[1] back = {{-2}}, int64[6] pads = {{0, 0, 2, 0, 1, 0}},
         int64[3] repeats = {{1, 2, 3}}, int64 at = {{2}}, int64 half = {{2}}, int64[1] zero = {{0}}, int64 origin = {{0}},
         int64[3] double = {{1, 1, 2}}, float[4, 1] thin, float[1, 15, 4] gw, float[1, 15, 5] gr>
        {{ {nodes} }}""".replace("(float[k] y)", f"({'int64' if 'Range' in nodes else 'float'} y)")
    )


@pytest.mark.parametrize("blocksize", [2, 3])
@pytest.mark.parametrize("kind", ["SpaceToDepth", "DepthToSpace"])
def test_space_and_depth(kind: str, blocksize: int) -> None:
    agrees(f"g (float[1, 36, h, 12] x) => (float[1, a, b, c] y) {{ y = {kind} <blocksize = {blocksize}> (x) }}")


def test_frames_of_a_signal() -> None:
    agrees(
        """g (float[1, n, 1] x) => (float[1, f, b, 2] y) <int64 step = {3}, int64 frame = {8}>
        { y = STFT (x, step, , frame) }"""
    )


UNET = """
g (float[batch, 3, height, 16] x) => (float[batch, 4, h, 16] y)
<float[4, 3, 3, 3] a, float[4, 4, 3, 3] b, float[4, 4, 2, 2] t, float[4, 8, 3, 3] c, int64[1] zero = {0}, int64[1] two = {2}>
{
    f = Conv <pads = [1, 1, 1, 1]> (x, a)
    p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]CEIL> (f)
    q = Conv <pads = [1, 1, 1, 1]> (p, b)
    r = ConvTranspose <strides = [2, 2]> (q, t)
    s = Shape <start = 2, end = 3> (f)
    k = Slice (r, zero, s, two)
    j = Concat <axis = 1> (f, CUT)
    y = Conv <pads = [1, 1, 1, 1]> (j, c)
}
"""


@pytest.mark.parametrize(
    ("ceil", "cut", "says"),
    [
        ("", "r", "fits at multiples of 2: first fails at height 3 (3 against 2)"),
        (", ceil_mode = 1", "r", "fits at multiples of 2: first fails at height 3 (3 against 4)"),
        ("", "k", "fits at multiples of 2"),  # there is nothing to cut where a row was dropped
        (", ceil_mode = 1", "k", ""),
    ],
)
def test_skip(ceil: str, cut: str, says: str) -> None:
    text = UNET.replace("CEIL", ceil).replace("CUT", cut)
    agrees(text)
    found = [f for f in reslint.check(model_of(text)) if f.severity >= reslint.Severity.WARNING]
    assert [f.rule for f in found] == ["skip-dynamic-mismatch"] * bool(says)
    assert all(says in f.message for f in found)


HELD = [
    ("float[batch, 6, 8] x", "y = Reshape (x, two) ", ("batch",), 2),
    ("float[6, batch, 8] x", "a = MatMul (x, w) y = Reshape (a, two)", ("batch",), 2),
    ("float[batch, 6, 8] x", "y = Concat <axis = 1> (table, x)", ("batch",), 2),
    ("float[batch, 6, 8] x", "y = Add (x, table)", ("batch",), 2),  # and at 1, which is stretched to the table
    ("float[2, 6, n] x", "y = MatMul (x, w)", ("n",), 8),
    ("float[2, n, 8] x", "a = Transpose <perm = [0, 2, 1]> (x) y = LayerNormalization (a, s)", ("n",), 6),
    ("float[2, n, 8] x", "y = Gather <axis = 1> (x, zero)", (), 0),
    ("float[n, 8] x, float[m, 8] z", "y = Concat <axis = 0> (x, z)", (), 0),
]


@pytest.mark.parametrize(("inputs", "nodes", "symbols", "size"), HELD)
def test_held(inputs: str, nodes: str, symbols: tuple[str, ...], size: int) -> None:
    trial = agrees(
        f"""g ({inputs}) => (float y)
        <int64[3] two = {{2, 6, 8}}, float[8, 8] w, float[2, 6, 8] table, float[6] s, int64 zero = {{0}}> {{ {nodes} }}"""
    )
    held = fixed(trial)
    assert tuple(h.symbol.key for h in held) == symbols
    assert all(h.works[-1] == size for h in held)


LOOP = """
g (float[1, n, 8] x, int64 turns) => (float y)
<float[8, 8] w, bool go = {1}>
{
    y = Loop (turns, go, x) <body = body (int64 i, bool on, float[1, k, 8] s) => (bool next, float[1, k, 8] t) {
        next = Identity (on)
        h = MatMul (s, w)
        p = MaxPool <kernel_shape = [1], strides = [1]> (h)
        t = Add (s, p)
    }>
}
"""


def test_bodies() -> None:
    """A body keeps the shape that it is given, and what fails in it fails in the model."""
    model = model_of(LOOP)
    net = from_proto(model)
    trial = tried(net)
    assert trial is not None
    extents = trial.extents(net, "y")
    before = trial.extents(net, "x")
    assert extents is not None
    assert before is not None
    assert extents[1] is before[1]


def test_two_symbols_that_meet() -> None:
    text = """g (float[n, 8] x, float[m, 8] z) => (float y) <float[8, 8] w>
    { a = MatMul (x, w) f = Relu (a) h = MatMul (f, w) d = Sub (z, z) e = Add (h, d) y = Add (x, e) }"""
    model = model_of(text)
    trial = tried(from_proto(model))
    assert trial is not None
    assert fixed(trial) == ()


def test_nothing_open_is_not_walked() -> None:
    assert tried(from_proto(model_of("g (float[1, 8] x) => (float[1, 8] y) { y = Relu (x) }"))) is None


def test_nothing_is_said_where_nothing_works() -> None:
    text = "g (float[n, 8] x) => (float y) <float[7, 8] w> { y = MatMul (x, w) }"
    assert tried(from_proto(model_of(text))) is None
    assert reslint.check(model_of(text)) == ()
