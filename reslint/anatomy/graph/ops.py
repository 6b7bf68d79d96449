"""What kinds of ops there are, as far as residual connections are concerned; by operator alone, never by name."""

from __future__ import annotations

from onnx import TensorProto

from reslint.net import Net, Op, Shape
from reslint.net.weights import integers, scalar

LAYOUT = frozenset(
    {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Cast", "CastLike", "Expand", "Tile", "Identity"}
)
SLICING = frozenset({"Slice", "Split", "Gather", "GatherND", "GatherElements", "SequenceAt", "SplitToSequence"})
RESAMPLING = frozenset({"Resize", "Upsample", "DepthToSpace", "SpaceToDepth"})
POOLING = frozenset(
    {"AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "QLinearAveragePool"}
    | {"QLinearGlobalAveragePool", "ReduceMean", "ReduceMax", "ReduceSum"}
)
ACTIVATIONS = frozenset(
    {
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Celu",
        "ThresholdedRelu",
        "Clip",
        "Sigmoid",
        "HardSigmoid",
        "Tanh",
        "Softplus",
    }
    | {
        "Softsign",
        "Gelu",
        "FastGelu",
        "QuickGelu",
        "BiasGelu",
        "HardSwish",
        "Swish",
        "Mish",
        "Erf",
        "Softmax",
        "LogSoftmax",
    }
    | {
        "Abs",
        "Exp",
        "Sqrt",
        "Sin",
        "Cos",
        "Hardmax",
        "Shrink",
        "QLinearLeakyRelu",
        "QLinearSigmoid",
        "Dropout",
        "Log",
        "Sign",
    }
)
NONNEGATIVE = frozenset(
    {"Relu", "Sigmoid", "HardSigmoid", "Softplus", "Softmax", "Abs", "Exp", "Sqrt", "QLinearSigmoid"}
)
NORMS = frozenset(
    {"BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization"}
    | {"SimplifiedLayerNormalization", "LpNormalization", "LRN", "MeanVarianceNormalization", "GroupNorm"}
)
SKIP_NORMS = frozenset({"SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SkipGroupNorm"})
"""Fused forms that add and normalize."""

CONVS = frozenset(
    {"Conv", "ConvTranspose", "QLinearConv", "ConvInteger", "FusedConv", "DeformConv", "NhwcConv", "NhwcFusedConv"}
)
PRODUCTS = frozenset(
    {"MatMul", "Gemm", "Einsum", "MatMulInteger", "QLinearMatMul", "MatMulNBits", "FusedMatMul", "FusedGemm", "QGemm"}
    | {
        "DynamicQuantizeMatMul",
        "MatMulIntegerToFloat",
        "TransposeMatMul",
        "MatMulBnb4",
        "FusedMatMulActivation",
        "GemmFloat8",
    }
)
SUMS = frozenset({"Add", "Sum", "QLinearAdd"})

RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM", "AttnLSTM"})
FUSED_ATTENTION = frozenset(
    {
        "Attention",
        "MultiHeadAttention",
        "GroupQueryAttention",
        "PackedAttention",
        "QAttention",
        "DecoderMaskedMultiHeadAttention",
    }
    | {
        "PackedMultiHeadAttention",
        "DecoderAttention",
        "LongformerAttention",
        "SparseAttention",
        "PagedAttention",
        "MoE",
        "QMoE",
    }
)
_WEIGHTLESS = frozenset(
    {"Gather", "MultiHeadAttention", "GroupQueryAttention", "PackedMultiHeadAttention"}
    | {"DecoderMaskedMultiHeadAttention", "SparseAttention", "PagedAttention"}
)
"""Work that reads no weights of its own but a table's: queries, keys and values come from layers before it."""

GATHERING = frozenset(
    {"ScatterElements", "ScatterND", "Scatter", "CumSum", "GridSample", "DFT", "STFT", "RoiAlign", "MaxRoiPool"}
)
"""Ops that bring positions or nodes together: a branch of these alone is still a branch."""

CONTROL = frozenset({"If", "Loop", "Scan"})

_LEARNED = CONVS | RECURRENT | FUSED_ATTENTION


def is_learned(net: Net, op: Op) -> bool:
    """Whether an op applies learned weights that mix its input: a convolution, a product with a constant, a recurrence."""
    if op.type in _LEARNED:
        return True
    if op.type in PRODUCTS:
        return bool(op.fixed)
    return op.type == "Gather" and bool(op.fixed) and op.fixed[0] == op.inputs[0]


def is_layer(net: Net, op: Op) -> bool:
    """Whether an op is a weighted layer, as depth is counted: learned, no look-up in an embedding, no attention on its own."""
    weightless = op.type in _WEIGHTLESS or op.type == "Attention" and not op.domain
    return not weightless and is_learned(net, op)


def adds_to_itself(op: Op) -> bool:
    """Whether an op is the sum of one data tensor with itself."""
    return op.type in SUMS and len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and bool(op.data)


def may_hold_norm(net: Net, op: Op) -> bool:
    """Whether a normalization may have been folded into an op: a convolution with a bias, or the exporter's note that it was.

    The note may only acquit: a file without it proves nothing (evidence: folding leaves no op behind).
    """
    if op.type in CONVS:
        bias = 8 if op.type == "QLinearConv" else 2
        if len(op.inputs) > bias and op.inputs[bias]:
            return True
    return is_learned(net, op) and "BatchNorm" in op.noted("pkg.onnxscript.rewriter.rule_name")


def is_interaction(net: Net, op: Op) -> bool:
    """Whether an op multiplies two data tensors as matrices, as attention does."""
    if op.type not in PRODUCTS:
        return op.type in FUSED_ATTENTION
    factors = op.inputs if op.type == "Einsum" else op.inputs[::3][:2] if op.type == "QLinearMatMul" else op.inputs[:2]
    return len(net.data_among(factors)) > 1


def is_work(net: Net, op: Op) -> bool:
    """Whether an op makes a branch a branch: learned or interacting, pooling or gathering, a loop, or unknown here."""
    return (
        is_learned(net, op)
        or is_interaction(net, op)
        or op.type in POOLING
        and not op.type.startswith("Reduce")
        or is_gathering(op)
        or op.type in CONTROL
        or is_foreign(op)
    )


def activation_in(op: Op) -> str:
    """The activation that a fused op carries with it; empty where there is none. ONNX's own operators never hold one."""
    carried = op.text("activation") if op.domain else ""
    return "" if carried == "Linear" else carried


def is_clipping(net: Net, op: Op) -> bool:
    """Whether an op carries an activation with it: a fused one, or a quantization whose zero is the least it can say."""
    if activation_in(op):
        return True
    quantizer = net.quantizers.get(op.id)
    zero = ""
    if quantizer is not None and len(quantizer.inputs) > 2:
        zero = quantizer.inputs[2]
    elif op.type in ("QLinearConv", "QLinearMatMul"):
        zero = op.inputs[7] if len(op.inputs) > 7 else ""
    found = scalar(net, zero) if zero else None
    return found is not None and found == (0 if net.value(zero).type == TensorProto.UINT8 else -128)


def is_gathering(op: Op) -> bool:
    """Whether an op brings positions or nodes together, and does not only put them elsewhere."""
    return op.type in GATHERING and (not op.type.startswith("Scatter") or op.text("reduction", "none") != "none")


def is_depthwise(net: Net, op: Op) -> bool:
    """Whether a convolution keeps channels apart: its weight is [outputs, 1, ...]."""
    shape = _kernels(net, op) if op.type in CONVS else ()
    return len(shape) > 2 and shape[1] == 1


def kernel(net: Net, op: Op) -> tuple[int, ...]:
    """The extents of a convolution's kernel, from its attribute or, where it leaves that out, from its weight."""
    return op.integers("kernel_shape") or tuple(d for d in _kernels(net, op)[2:] if isinstance(d, int))


def _kernels(net: Net, op: Op) -> Shape:
    at = 3 if op.type == "QLinearConv" else 1
    return (net.shape(op.inputs[at]) if len(op.inputs) > at else None) or ()


def is_foreign(op: Op) -> bool:
    """Whether nothing is known of an op."""
    return bool(op.domain) and op.type not in KNOWN


def strides(op: Op) -> tuple[int, ...]:
    """The strides of a convolution or a pooling."""
    return op.integers("strides") or ()


def is_downsampling(net: Net, op: Op) -> bool:
    """Whether an op makes a feature map smaller."""
    if op.type in CONVS and op.type != "ConvTranspose" or op.type in POOLING:
        return any(s > 1 for s in strides(op))
    return op.type == "SpaceToDepth" or op.type == "Slice" and _skips(net, op)


def _skips(net: Net, op: Op) -> bool:
    """Whether a slice takes every second position, or fewer."""
    steps = integers(net, op.inputs[4]) if len(op.inputs) > 4 and op.inputs[4] else None
    return steps is not None and any(s > 1 for s in steps)


def is_upsampling(op: Op) -> bool:
    """Whether an op makes a feature map larger."""
    return (
        op.type in ("Resize", "Upsample", "DepthToSpace")
        or op.type == "ConvTranspose"
        and any(s > 1 for s in strides(op))
    )


FOREVER = 1 << 31
"""Trip counts from here on mean "as long as the condition holds": exporters write the largest integer."""

KNOWN = (
    LAYOUT
    | SLICING
    | RESAMPLING
    | POOLING
    | ACTIVATIONS
    | NORMS
    | SKIP_NORMS
    | CONVS
    | PRODUCTS
    | RECURRENT
    | FUSED_ATTENTION
    | GATHERING
    | {"QLinearAdd", "QLinearMul", "QLinearConcat", "QuantizeLinear", "DequantizeLinear", "RotaryEmbedding", "BiasAdd"}
    | {"ReorderInput", "ReorderOutput", "BiasSplitGelu", "BiasDropout", "Trilu", "Inverse", "GatherBlockQuantized"}
    | {"EmbedLayerNormalization", "QEmbedLayerNormalization", "QLinearSoftmax", "QLinearReduceMean"}
)
