"""ONNX Runtime's own operators, made known to onnx's shape inference for as long as it runs.

Optimized and quantized models are full of them, and inference stops at an operator that it does not know. Most stand for
an operator of ONNX, or repeat the shape of an input (onnxruntime/docs/ContribOperators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from os import urandom

from onnx import AttributeProto, TensorProto, TypeProto, defs, helper, shape_inference

Context = shape_inference.InferenceContext
Infer = Callable[[Context], None]
Dims = list[int | str | None]
_Parameter = defs.OpSchema.FormalParameter

_ALL_TYPES = [
    f"tensor({t})" for t in ("float", "float16", "bfloat16", "double", "int8", "uint8", "int32", "int64", "bool")
]
_SPATIAL = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", "ceil_mode")


@contextmanager
def known(versions: Mapping[str, int], used: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Let inference know the operators that a model uses, and forget them again, since the checker would want more of them.

    Operators are `used` by domain and name, in the `versions` of their domains.
    """
    here = sorted(set(used) & _SHAPES.keys())
    mine = [(domain, name) for domain, name in here if not defs.has(name, versions.get(domain, 1), domain)]
    for domain, name in mine:
        defs.register_schema(_schema(domain, name, _SHAPES[domain, name]))
    try:
        yield
    finally:
        for domain, name in mine:
            defs.deregister_schema(name, 1, domain)


def are_known(used: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those of the used operators that are made known here."""
    return tuple(sorted(set(used) & _SHAPES.keys()))


def _schema(domain: str, name: str, infer: Infer) -> defs.OpSchema:
    many = defs.OpSchema.FormalParameterOption.Variadic
    given, made = (_Parameter(p, "T", param_option=many, is_homogeneous=False, min_arity=1) for p in ("given", "made"))
    schema = defs.OpSchema(name, domain, 1, inputs=[given], outputs=[made], type_constraints=[("T", _ALL_TYPES, "")])
    schema.set_type_and_shape_inference_function(_safe(infer))
    return schema


def _safe(infer: Infer) -> Infer:
    """An inference that leaves unknown what it can't make out: one odd node must not cost the others their shapes."""

    def tried(ctx: Context) -> None:
        with suppress(IndexError, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
            infer(ctx)

    return tried


def _given(ctx: Context, at: int) -> TypeProto | None:
    kind = ctx.get_input_type(at) if at < ctx.get_num_inputs() and ctx.has_input(at) else None
    return kind if isinstance(kind, TypeProto) else None


def _tensor(elements: int, dims: Dims) -> TypeProto:
    made = TypeProto()
    made.tensor_type.elem_type = elements
    made.tensor_type.shape.SetInParent()
    for d in dims:
        dim = made.tensor_type.shape.dim.add()
        if isinstance(d, int):
            dim.dim_value = d
        elif isinstance(d, str):
            dim.dim_param = d
    return made


def _dims(kind: TypeProto | None) -> Dims | None:
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in kind.tensor_type.shape.dim]


def _integer(ctx: Context, name: str, default: int = 0) -> int:
    found = ctx.get_attribute(name)
    return int(found.i) if isinstance(found, AttributeProto) else default


def _like(*outputs: int, elements: int = 0) -> Infer:
    """The listed outputs have the shape of the first input."""

    def infer(ctx: Context) -> None:
        kind = _given(ctx, 0)
        for at in outputs:
            if kind is not None and at < ctx.get_num_outputs() and ctx.has_output(at):
                made = TypeProto()
                made.CopyFrom(kind)
                made.tensor_type.elem_type = elements or kind.tensor_type.elem_type
                ctx.set_output_type(at, made)

    return infer


def _as(name: str, places: tuple[int, ...], attributes: tuple[str, ...] = (), elements: int = 0) -> Infer:
    """The first output has the shape that ONNX's own operator gives for the inputs at `places`."""

    def infer(ctx: Context) -> None:
        types = {p: kind for p in places if (kind := _given(ctx, p)) is not None}
        kinds = {
            f"x{p}": _tensor(_FLOAT, dims)
            for p, kind in types.items()
            if (dims := _turned(ctx, p, _dims(kind))) is not None
        }
        node = helper.make_node(name, [f"x{p}" for p in places if f"x{p}" in kinds], ["y"])
        found = (ctx.get_attribute(a) for a in attributes)
        node.attribute.extend(a for a in found if isinstance(a, AttributeProto))
        if len(kinds) < min(2, len(places)):
            return
        try:
            made = shape_inference.infer_node_outputs(defs.get_schema(name), node, kinds).get("y")
        except (shape_inference.InferenceError, RuntimeError):
            return  # what does not fit stays unknown, as with ONNX's own operators
        if made is not None:
            made.tensor_type.elem_type = elements or types[places[0]].tensor_type.elem_type
            ctx.set_output_type(0, made)

    return infer


def _turned(ctx: Context, place: int, dims: Dims | None) -> Dims | None:
    """The axes of FusedMatMul's first and second factor after its own transposition, which is no attribute of MatMul."""
    side = "AB"[place] if "FusedMatMul" in ctx.get_display_name() else ""
    if dims is None or not side:
        return dims
    if _integer(ctx, f"transBatch{side}"):
        dims = [*dims[1:-1], dims[0], dims[-1]]
    return [*dims[:-2], dims[-1], dims[-2]] if _integer(ctx, f"trans{side}") and len(dims) > 1 else dims


def _last(attribute: str) -> Infer:
    """The first output is the first input with another last extent."""

    def infer(ctx: Context) -> None:
        kind, width = _given(ctx, 0), _integer(ctx, attribute)
        dims = _dims(kind)
        if kind is not None and dims and width:
            ctx.set_output_type(0, _tensor(kind.tensor_type.elem_type, [*dims[:-1], width]))

    return infer


def _attention(ctx: Context) -> None:
    """com.microsoft.Attention: as long as the input, as wide as its values."""
    kind, weight = _given(ctx, 0), _dims(_given(ctx, 1))
    dims, widths = _dims(kind), ctx.get_attribute("qkv_hidden_sizes")
    if kind is None or not dims or not weight:
        return
    third = weight[1] // 3 if isinstance(weight[1], int) else None
    width = int(widths.ints[2]) if isinstance(widths, AttributeProto) and len(widths.ints) > 2 else third
    ctx.set_output_type(0, _tensor(kind.tensor_type.elem_type, [*dims[:-1], width]))


def _embedding(ctx: Context) -> None:
    """EmbedLayerNormalization: tokens become vectors as wide as the word embedding."""
    tokens, words = _dims(_given(ctx, 0)), _given(ctx, 2)
    table = _dims(words)
    if tokens and table and words is not None:
        ctx.set_output_type(0, _tensor(words.tensor_type.elem_type, [*tokens, table[-1]]))


def _reorder(ctx: Context) -> None:
    """nchwc.ReorderOutput: back from blocks of channels to the channels that there are."""
    kind, channels = _given(ctx, 0), _integer(ctx, "channels")
    dims = _dims(kind)
    if kind is None or not dims or len(dims) < 2 or not channels:
        return
    spatial = dims[2:]
    made = [dims[0], *spatial, channels] if _integer(ctx, "channels_last") else [dims[0], channels, *spatial]
    ctx.set_output_type(0, _tensor(kind.tensor_type.elem_type, made))


def _forgiving(ctx: Context) -> None:
    """A broadcast of all inputs; where they don't fit, the extent of the stream among them goes on."""
    many = ctx.get_num_inputs()
    _broadcast(ctx, sorted(range(many), key=lambda at: at != _integer(ctx, STREAM)))


def _broadcasting(*places: int) -> Infer:
    """A broadcast of the inputs at some places, of which the first has the last word."""
    return lambda ctx: _broadcast(ctx, places)


def _broadcast(ctx: Context, places: Sequence[int]) -> None:
    kinds = [kind for at in places if (kind := _given(ctx, at)) is not None]
    shapes = [dims for kind in kinds if (dims := _dims(kind)) is not None]
    if len(shapes) == len(places):
        from_right = zip_longest(*map(reversed, shapes), fillvalue=1)
        dims = [next((d for d in extents if d != 1), 1) for extents in from_right]
        ctx.set_output_type(0, _tensor(kinds[0].tensor_type.elem_type, dims[::-1]))


def _skip_norm(ctx: Context) -> None:
    """SkipLayerNormalization: like both inputs, as wide as its gain, which tells more where they don't fit."""
    kind, gain = _given(ctx, 0), _dims(_given(ctx, 2))
    dims = _dims(kind)
    if kind is not None and dims and gain:
        made = _tensor(kind.tensor_type.elem_type, [*dims[:-1], gain[-1]])
        for at in (0, 3):
            if at < ctx.get_num_outputs() and ctx.has_output(at):
                ctx.set_output_type(at, made)


STREAM = "stream"
"""The attribute that says which input of a forgiving operator is the stream."""

OWN = f"reslint.forgiving.{urandom(8).hex()}"
"""The domain of operators that give a shape even to what can't be; no file holds them, since each process has another."""

FORGIVING = frozenset({"Add", "Sub", "Mul", "Div", "Sum"})
"""Their names, which are those of ONNX's own."""

_FLOAT = TensorProto.FLOAT
_MICROSOFT: Mapping[str, Infer] = {
    **dict.fromkeys(("BiasGelu", "Gelu", "FastGelu", "QuickGelu", "BiasAdd", "BiasSoftmax", "GroupNorm"), _like(0)),
    **dict.fromkeys(
        ("RotaryEmbedding", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QuantizeLinear"), _like(0)
    ),
    **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), _skip_norm),
    "SkipGroupNorm": _like(0, 1),
    "DequantizeLinear": _like(0, elements=_FLOAT),
    "QLinearAdd": _broadcasting(0, 3),
    "QLinearMul": _broadcasting(0, 3),
    "FusedConv": _as("Conv", (0, 1), _SPATIAL),
    "FusedMatMul": _as("MatMul", (0, 1)),
    "MatMulIntegerToFloat": _as("MatMul", (0, 1), elements=_FLOAT),
    "DynamicQuantizeMatMul": _as("MatMul", (0, 1)),
    "FusedGemm": _as("Gemm", (0, 1), ("transA", "transB")),
    "QGemm": _as("Gemm", (0, 3), ("transA", "transB")),
    "QLinearAveragePool": _as("AveragePool", (0,), _SPATIAL),
    "QLinearGlobalAveragePool": _as("GlobalAveragePool", (0,)),
    "MatMulNBits": _last("N"),
    "MatMulBnb4": _last("N"),
    "MultiHeadAttention": _like(0),
    "Attention": _attention,
    "EmbedLayerNormalization": _embedding,
}
_BLOCKED: Mapping[str, Infer] = {
    "Conv": _as("Conv", (0, 1), _SPATIAL),
    "MaxPool": _as("MaxPool", (0,), _SPATIAL),
    "AveragePool": _as("AveragePool", (0,), _SPATIAL),
    "GlobalMaxPool": _as("GlobalMaxPool", (0,)),
    "GlobalAveragePool": _as("GlobalAveragePool", (0,)),
    "ReorderInput": _like(0),
    "ReorderOutput": _reorder,
}
_SHAPES: Mapping[tuple[str, str], Infer] = {
    # ONNX Runtime had these in ONNX's own domain before ONNX did, and still writes them so
    ("", "LayerNormalization"): _like(0),
    ("", "SimplifiedLayerNormalization"): _like(0),
    **{(OWN, name): _forgiving for name in FORGIVING},
    **{("com.microsoft", name): infer for name, infer in _MICROSOFT.items()},
    **{("com.microsoft.nchwc", name): infer for name, infer in _BLOCKED.items()},
}
