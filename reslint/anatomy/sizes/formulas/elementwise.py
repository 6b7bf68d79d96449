"""Operators that work on each element by itself: their inputs meet by broadcasting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reslint.anatomy.sizes.call import Call, Formula
from reslint.anatomy.sizes.extent import Tensor


def _spread(call: Call) -> Sequence[Tensor]:
    if call.version < 7 and call.op.integer("broadcast", 0):
        return call.same()  # the second input is spread over the first, from an axis on that an attribute names
    names = call.op.inputs
    return [Tensor(call.spread([call.extents(k) for k in range(len(names))], names))]


def _first_two(second: int) -> Formula:
    """Two inputs meet, between which others tell of their scales."""
    return lambda call: [Tensor(call.spread([call.extents(), call.extents(second)], [call.name(0), call.name(second)]))]


def _same(call: Call) -> Sequence[Tensor]:
    return call.same()


def _dropout(call: Call) -> Sequence[Tensor]:
    return call.same() * 2


def _quantized(call: Call) -> Sequence[Tensor]:
    return [*call.same(), Tensor(()), Tensor(())]


_MEETING = (
    "Add Sub Mul Div Pow Mod Max Min Sum Mean Where Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor "
    "BitShift BitwiseAnd BitwiseOr BitwiseXor"
)
_SINGLE = (
    "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid Tanh Softplus Softsign Gelu HardSwish Clip Mish Swish "
    "ThresholdedRelu Shrink Erf Exp Log Sqrt Reciprocal Neg Abs Sign Floor Ceil Round Not IsNaN IsInf BitwiseNot "
    "Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Identity Cast CastLike Softmax LogSoftmax Hardmax "
    "LpNormalization MeanVarianceNormalization LRN QuantizeLinear DequantizeLinear Bernoulli RandomNormalLike "
    "RandomUniformLike RotaryEmbedding ImageScaler"
)
_MICROSOFT = "QuickGelu FastGelu BiasGelu Gelu BiasAdd QLinearSigmoid QLinearLeakyRelu GroupNorm RotaryEmbedding"

ELEMENTWISE: Mapping[str, Formula] = {
    **dict.fromkeys(_MEETING.split(), _spread),
    **dict.fromkeys(_SINGLE.split(), _same),
    **{f"com.microsoft.{name}": _same for name in _MICROSOFT.split()},
    "Dropout": _dropout,
    "DynamicQuantizeLinear": _quantized,
    "com.microsoft.QLinearAdd": _first_two(3),
    "com.microsoft.QLinearMul": _first_two(3),
}
