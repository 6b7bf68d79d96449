"""Every known operator, a row each, in groups that differ in nothing but what the line says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from reslint.anatomy.graph.operators.operator import Axes, Family, Macs, Operator, Sign

MICROSOFT = "com.microsoft."
_BLOCKED = MICROSOFT + "nchwc."  # ONNX Runtime's layouts with blocks of channels,
_LAST = "com.ms.internal.nhwc."  # and with the channels last


def _row(
    family: Family,
    axes: Axes = Axes.LOST,
    macs: Macs = Macs.FREE,
    sign: Sign = Sign.ANY,
    nonlinear: bool = False,
    layer: bool = False,
    weight: int | None = None,
    bias: int | None = None,
    past: int | None = None,
) -> Operator:
    """What the operators of a group have in common."""
    return Operator("", family, axes, macs, sign, nonlinear, layer, weight, bias, None, past, None, False)


def _of(row: Operator, names: str, domain: str = "") -> Iterator[Operator]:
    return (row._replace(kind=domain + name) for name in names.split())


def _quantized(row: Operator, *parameters: int) -> Operator:
    return row._replace(parameters=parameters, integers=True)


_CONV = _row(Family.CONVOLUTION, Axes.SLIDES, Macs.CONVOLUTION, layer=True, weight=1, bias=2)
_QCONV = _quantized(_CONV._replace(weight=3, bias=8), 3, 8)
_TRANSPOSED = _CONV._replace(macs=Macs.TRANSPOSED)
_PRODUCT = _row(Family.PRODUCT, Axes.CONTRACTS, Macs.PRODUCT, layer=True, weight=1)
_QPRODUCT = _quantized(_PRODUCT._replace(weight=3), 0, 3)
_PACKED = _PRODUCT._replace(macs=Macs.PACKED)
_RECURRENCE = _row(Family.RECURRENCE, Axes.LOST, Macs.RECURRENCE, nonlinear=True, layer=True, weight=1)
_ATTENTION = _row(Family.ATTENTION, Axes.LOST, Macs.UNCOUNTED, nonlinear=True, layer=True)
_WEIGHTLESS = _ATTENTION._replace(layer=False)  # queries, keys and values come from layers before it
_NORM = _row(Family.NORM, Axes.SAME)
_ADD_NORM = _row(Family.ADD_NORM, Axes.SAME)
_ACTIVATION = _row(Family.ACTIVATION, Axes.SAME, nonlinear=True)
_POSITIVE = _ACTIVATION._replace(sign=Sign.NONNEGATIVE)
_POOL = _row(Family.POOLING, Axes.SLIDES, sign=Sign.KEPT)
_CHOICE = _POOL._replace(nonlinear=True)
_REDUCTION = _row(Family.REDUCTION, Axes.REDUCES, sign=Sign.KEPT)
_RESAMPLING = _row(Family.RESAMPLING, Axes.RESIZES, sign=Sign.KEPT)
_GATHERING = _row(Family.GATHERING)
_SLICE = _row(Family.SLICING, Axes.RESIZES, sign=Sign.KEPT)
_PICK = _row(Family.SLICING, Axes.LOST)
_LAYOUT = _row(Family.LAYOUT, Axes.SAME, sign=Sign.KEPT)
_REGROUPED = _LAYOUT._replace(axes=Axes.REGROUPS)
_REPEATED = _LAYOUT._replace(axes=Axes.RESIZES)
_JOIN = _row(Family.JOINING, Axes.RESIZES)
_BIAS = _row(Family.BIAS, Axes.SAME)
_POINTWISE = _row(Family.ELEMENTWISE, Axes.SAME)
_MEETING = _row(Family.ELEMENTWISE, Axes.MEETS)
_QUANTIZATION = _row(Family.QUANTIZATION, Axes.SAME)._replace(parameters=(0,))
_CONTROL = _row(Family.CONTROL, Axes.LOST, Macs.UNCOUNTED)
_OTHER = _row(Family.OTHER)
_UNCOUNTED = _OTHER._replace(macs=Macs.UNCOUNTED)

_ROWS = chain(
    # layers
    _of(_CONV, "Conv DeformConv"),
    _of(_quantized(_CONV, 0, 1), "ConvInteger"),
    _of(_QCONV, "QLinearConv"),
    _of(_QCONV, "QLinearConv", MICROSOFT),
    _of(_QCONV._replace(parameters=None, integers=False), "QLinearConv", _LAST),
    _of(_CONV, "NhwcConv", MICROSOFT),
    _of(_CONV, "Conv", _LAST),
    _of(_CONV._replace(added=3), "FusedConv NhwcFusedConv", MICROSOFT),
    _of(_CONV._replace(added=3), "Conv", _BLOCKED),
    _of(_CONV._replace(macs=Macs.UNCOUNTED), "CausalConvWithState"),
    _of(_TRANSPOSED, "ConvTranspose"),
    _of(_TRANSPOSED, "ConvTransposeWithDynamicPads", MICROSOFT),
    _of(_PRODUCT, "MatMul"),
    _of(_PRODUCT._replace(added=2), "Gemm"),
    _of(_PRODUCT._replace(added=2), "FusedGemm", MICROSOFT),
    _of(_PRODUCT._replace(macs=Macs.EINSUM, axes=Axes.LOST), "Einsum"),
    _of(_quantized(_PRODUCT, 0, 1), "MatMulInteger"),
    _of(_QPRODUCT, "QLinearMatMul"),
    _of(_quantized(_QPRODUCT, 0, 3, 6), "QGemm", MICROSOFT),
    _of(_quantized(_PRODUCT._replace(weight=2, added=6), 2, 5), "QOrderedMatMul", MICROSOFT),
    _of(_PRODUCT, "FusedMatMul TransposeMatMul FusedMatMulActivation GemmFloat8 MatMulInteger16", MICROSOFT),
    _of(_PRODUCT._replace(nonlinear=True), "GemmFastGelu", MICROSOFT),
    _of(_quantized(_PRODUCT, 1, 4), "DynamicQuantizeMatMul", MICROSOFT),
    _of(_quantized(_PRODUCT, 0, 1, 6), "MatMulIntegerToFloat", MICROSOFT),
    _of(_quantized(_PACKED, 5), "MatMulNBits", MICROSOFT),
    _of(_quantized(_PACKED), "MatMulBnb4", MICROSOFT),
    _of(_RECURRENCE, "RNN GRU LSTM"),
    _of(_quantized(_RECURRENCE, 1, 2, 3), "DynamicQuantizeLSTM", MICROSOFT),
    _of(_RECURRENCE._replace(macs=Macs.UNCOUNTED), "AttnLSTM", MICROSOFT),
    # attention
    _of(_WEIGHTLESS._replace(macs=Macs.ATTENTION, past=4), "Attention"),
    _of(_WEIGHTLESS._replace(macs=Macs.ATTENTION, past=6), "MultiHeadAttention", MICROSOFT),
    _of(_WEIGHTLESS._replace(macs=Macs.GROUPED, past=3), "GroupQueryAttention", MICROSOFT),
    _of(_WEIGHTLESS, "LinearAttention"),
    _of(_WEIGHTLESS, "PackedMultiHeadAttention DecoderMaskedMultiHeadAttention SparseAttention", MICROSOFT),
    _of(_WEIGHTLESS, "PagedAttention LinearAttention", MICROSOFT),
    _of(_ATTENTION._replace(macs=Macs.PROJECTED, weight=1, past=4), "Attention", MICROSOFT),
    _of(_quantized(_ATTENTION._replace(macs=Macs.PROJECTED, weight=1, past=8), 1, 2), "QAttention", MICROSOFT),
    _of(_ATTENTION, "PackedAttention DecoderAttention LongformerAttention MoE QMoE", MICROSOFT),
    # normalizations
    _of(_NORM._replace(parameters=(0, 1, 2)), "BatchNormalization"),  # what else it reads are statistics
    _of(_NORM, "LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LRN"),
    _of(_NORM, "SimplifiedLayerNormalization LpNormalization MeanVarianceNormalization"),
    _of(_NORM, "GroupNorm SimplifiedLayerNormalization", MICROSOFT),
    _of(_ADD_NORM, "SkipLayerNormalization SkipSimplifiedLayerNormalization SkipGroupNorm", MICROSOFT),
    # activations
    _of(_ACTIVATION, "LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Clip Tanh Softsign Gelu HardSwish Swish Mish Erf"),
    _of(_ACTIVATION, "LogSoftmax Hardmax Shrink Sin Cos Log Sign FastGelu QuickGelu Acos Acosh Asin Asinh Atan Atanh"),
    _of(_ACTIVATION, "Sinh Tan"),
    _of(_ACTIVATION._replace(sign=Sign.KEPT), "Dropout"),
    _of(_ACTIVATION, "Gelu FastGelu QuickGelu BiasGelu QLinearLeakyRelu", MICROSOFT),
    _of(_POSITIVE, "Relu Sigmoid HardSigmoid Softplus Softmax Abs Exp Sqrt Cosh"),
    _of(_POSITIVE, "QLinearSigmoid QLinearSoftmax BiasSoftmax", MICROSOFT),
    _of(_ACTIVATION._replace(axes=Axes.MEETS), "SwiGLU"),
    _of(_ACTIVATION._replace(axes=Axes.RESIZES), "BiasSplitGelu", MICROSOFT),
    # neighbourhoods, positions, resolutions
    _of(_POOL, "AveragePool LpPool GlobalAveragePool GlobalLpPool"),
    _of(_CHOICE, "MaxPool GlobalMaxPool"),
    _of(_POOL, "QLinearAveragePool QLinearGlobalAveragePool", MICROSOFT),
    _of(_POOL, "AveragePool GlobalAveragePool", _BLOCKED),
    _of(_CHOICE, "MaxPool GlobalMaxPool", _BLOCKED),
    _of(_CHOICE, "NhwcMaxPool", MICROSOFT),
    _of(_REDUCTION, "ReduceMean ReduceSum ReduceMin ReduceProd"),
    _of(_REDUCTION._replace(sign=Sign.ANY), "ReduceLogSum ReduceLogSumExp"),
    _of(_REDUCTION._replace(sign=Sign.NONNEGATIVE), "ReduceSumSquare ReduceL1 ReduceL2"),
    _of(_REDUCTION._replace(nonlinear=True), "ReduceMax"),
    _of(_REDUCTION, "QLinearReduceMean", MICROSOFT),
    _of(_RESAMPLING._replace(parameters=(0,)), "Resize Upsample"),
    _of(_RESAMPLING, "DepthToSpace SpaceToDepth"),
    _of(_RESAMPLING, "Upsample", _BLOCKED),
    _of(_GATHERING._replace(parameters=()), "ScatterElements ScatterND"),  # what they write upon is none
    _of(_GATHERING, "Scatter CumSum CumProd GridSample RoiAlign MaxRoiPool"),
    _of(_GATHERING._replace(macs=Macs.UNCOUNTED), "DFT STFT"),
    _of(_GATHERING, "GridSample CropAndResize", MICROSOFT),
    # parts and layouts
    _of(_SLICE, "Slice Split"),
    _of(_PICK._replace(axes=Axes.PICKS, weight=0), "Gather"),
    _of(_PICK, "GatherND GatherElements SequenceAt SplitToSequence"),
    _of(_PICK, "GatherND", MICROSOFT),
    _of(_LAYOUT, "Cast CastLike Identity"),
    _of(_LAYOUT._replace(axes=Axes.PERMUTES), "Transpose"),
    _of(_REGROUPED, "Reshape Squeeze Unsqueeze Flatten"),
    _of(_REGROUPED, "ExpandDims", MICROSOFT),
    _of(_REPEATED, "Expand Tile"),
    _of(_LAYOUT._replace(axes=Axes.LOST), "ReorderInput ReorderOutput", _BLOCKED),
    _of(_row(Family.PADDING, Axes.RESIZES, sign=Sign.KEPT), "Pad"),
    _of(_row(Family.PADDING, Axes.RESIZES, sign=Sign.KEPT), "Pad", MICROSOFT),
    _of(_JOIN, "Concat"),
    _of(_JOIN, "QLinearConcat", MICROSOFT),
    # elements
    _of(_row(Family.SUM, Axes.MEETS), "Add Sum"),
    _of(_quantized(_row(Family.SUM, Axes.MEETS), 0, 3), "QLinearAdd", MICROSOFT),
    _of(_BIAS._replace(added=2), "BiasAdd BiasDropout BitmaskBiasDropout", MICROSOFT),
    _of(_row(Family.DIFFERENCE, Axes.MEETS), "Sub"),
    _of(_row(Family.SCALING, Axes.MEETS), "Mul Div"),
    _of(_row(Family.SCALING, Axes.SAME), "Neg"),
    _of(_quantized(_row(Family.SCALING, Axes.MEETS), 0, 3), "QLinearMul", MICROSOFT),
    _of(_POINTWISE, "Ceil Floor Round Not BitwiseNot IsInf IsNaN Reciprocal BitCast Trilu ReverseSequence"),
    _of(_POINTWISE, "RotaryEmbedding"),
    _of(_POINTWISE, "RotaryEmbedding GemmaRotaryEmbedding Trilu", MICROSOFT),
    _of(_MEETING, "And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Where Mean Mod Pow"),
    _of(_MEETING, "BitShift BitwiseAnd BitwiseOr BitwiseXor"),
    _of(_MEETING._replace(nonlinear=True), "Max Min"),
    _of(_MEETING, "QLinearWhere", MICROSOFT),
    _of(_QUANTIZATION, "QuantizeLinear"),
    _of(_QUANTIZATION, "QuantizeLinear", MICROSOFT),
    _of(_quantized(_QUANTIZATION, 0), "DequantizeLinear"),
    _of(_quantized(_QUANTIZATION, 0), "DequantizeLinear", MICROSOFT),
    _of(_QUANTIZATION._replace(parameters=None), "DynamicQuantizeLinear"),
    # what has no part in residual connections
    _of(_row(Family.EMBEDDING), "EmbedLayerNormalization QEmbedLayerNormalization", MICROSOFT),
    _of(_quantized(_row(Family.EMBEDDING), 0), "GatherBlockQuantized", MICROSOFT),
    _of(_CONTROL, "If Loop Scan SequenceMap"),
    _of(
        _row(Family.SHAPE), "Shape Size Constant ConstantOfShape Range EyeLike BlackmanWindow HammingWindow HannWindow"
    ),
    _of(_row(Family.SHAPE), "MelWeightMatrix AffineGrid"),
    _of(_row(Family.RANDOM), "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Bernoulli Multinomial"),
    _of(_OTHER, "ArgMax ArgMin TopK NonZero OneHot Unique Compress NonMaxSuppression MaxUnpool Col2Im CenterCropPad"),
    _of(_OTHER, "TensorScatter ConcatFromSequence SequenceConstruct SequenceEmpty SequenceErase SequenceInsert"),
    _of(
        _OTHER, "SequenceLength Optional OptionalGetElement OptionalHasElement ImageDecoder RegexFullMatch StringConcat"
    ),
    _of(_OTHER, "StringNormalizer StringSplit TfIdfVectorizer NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"),
    _of(_UNCOUNTED, "Det"),
    _of(_OTHER, "Unique RemovePadding RestorePadding", MICROSOFT),
    _of(_UNCOUNTED, "Inverse", MICROSOFT),
)

TABLE: Mapping[str, Operator] = {row.kind: row for row in _ROWS}
"""The rows by kind: the operator's name, behind its domain where that is not ONNX's own."""
