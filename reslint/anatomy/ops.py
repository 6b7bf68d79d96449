"""What kinds of ops there are, as far as residual connections are concerned; by operator alone, never by name."""

from __future__ import annotations

from reslint.net import Net, Op

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
GATHERING = frozenset(
    {"ScatterElements", "ScatterND", "Scatter", "CumSum", "GridSample", "DFT", "STFT", "RoiAlign", "MaxRoiPool"}
)
"""Ops that bring positions or nodes together: a branch of these alone is still a branch."""

CONTROL = frozenset({"If", "Loop", "Scan"})


def is_learned(net: Net, op: Op) -> bool:
    """Whether an op applies learned weights that mix its input: a convolution, a product with a constant, a recurrence."""
    if op.type in CONVS or op.type in RECURRENT or op.type in FUSED_ATTENTION:
        return True
    if op.type in PRODUCTS:
        return any(i and net.is_constant(i) for i in op.inputs)
    return op.type == "Gather" and bool(op.inputs[0]) and net.is_constant(op.inputs[0])


def is_interaction(net: Net, op: Op) -> bool:
    """Whether an op multiplies two data tensors as matrices, as attention does."""
    return op.type in FUSED_ATTENTION or op.type in PRODUCTS and sum(net.is_data(i) for i in op.inputs) > 1


def is_work(net: Net, op: Op) -> bool:
    """Whether an op makes a branch a branch: learned or interacting, pooling or gathering, a loop, or of a domain unknown here."""
    return (
        is_learned(net, op)
        or is_interaction(net, op)
        or op.type in POOLING
        or is_gathering(op)
        or op.type in CONTROL
        or is_foreign(op)
    )


def is_gathering(op: Op) -> bool:
    """Whether an op brings positions or nodes together, and does not only put them elsewhere."""
    return op.type in GATHERING and (not op.type.startswith("Scatter") or op.text("reduction", "none") != "none")


def is_depthwise(net: Net, op: Op) -> bool:
    """Whether a convolution keeps channels apart: its weight is [outputs, 1, ...]."""
    shape = net.shape(op.inputs[1]) if op.type in CONVS and len(op.inputs) > 1 else None
    return shape is not None and len(shape) > 2 and shape[1] == 1


def is_foreign(op: Op) -> bool:
    """Whether nothing is known of an op."""
    return bool(op.domain) and op.type not in KNOWN


def strides(op: Op) -> tuple[int, ...]:
    """The strides of a convolution or a pooling."""
    return op.integers("strides") or ()


def is_downsampling(op: Op) -> bool:
    """Whether an op makes a feature map smaller."""
    if op.type in CONVS and op.type != "ConvTranspose" or op.type in POOLING:
        return any(s > 1 for s in strides(op))
    return op.type == "SpaceToDepth"


def is_upsampling(op: Op) -> bool:
    """Whether an op makes a feature map larger."""
    return (
        op.type in ("Resize", "Upsample", "DepthToSpace")
        or op.type == "ConvTranspose"
        and any(s > 1 for s in strides(op))
    )


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
