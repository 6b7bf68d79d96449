"""Which kinds of ops there are, as far as residual connections are concerned; by operator alone, never by name."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import TensorProto

from reslint.anatomy.graph.operators import TABLE, Family, Operator, Sign
from reslint.net import Net, Op, Shape
from reslint.net.weights import integers, scalar

_BY_NAME: Mapping[str, Operator] = {row.name: row for row in reversed(tuple(TABLE.values()))}
"""The first row of each name: domains repeat ONNX's operators, and exporters invent domains."""


def _named(*families: Family) -> frozenset[str]:
    return frozenset(name for name, row in _BY_NAME.items() if row.family in families)


LAYOUT = _named(Family.LAYOUT)
SLICING = _named(Family.SLICING)
RESAMPLING = _named(Family.RESAMPLING)
POOLING = _named(Family.POOLING, Family.REDUCTION)
ACTIVATIONS = _named(Family.ACTIVATION)
NORMS = _named(Family.NORM)
SKIP_NORMS = _named(Family.ADD_NORM)
"""Fused forms that add and normalize."""
CONVS = _named(Family.CONVOLUTION)
PRODUCTS = _named(Family.PRODUCT)
CHOOSING = frozenset(name for name in POOLING if _BY_NAME[name].nonlinear)
"""Poolings that take the largest of what they see."""
SUMS = _named(Family.SUM)
RECURRENT = _named(Family.RECURRENCE)
FUSED_ATTENTION = _named(Family.ATTENTION)
GATHERING = _named(Family.GATHERING)
CONTROL = _named(Family.CONTROL)
NONNEGATIVE = frozenset(name for name, row in _BY_NAME.items() if row.sign is Sign.NONNEGATIVE)
KEEPS_SIGN = frozenset(name for name, row in _BY_NAME.items() if row.sign is Sign.KEPT)

UNFOLDED = "reslint.unfolded"
"""The key in a model's metadata that says that normalizations are where they were."""

BOUNDED = RECURRENT | {"Tanh", "Sigmoid", "HardSigmoid", "Softsign", "Softmax", "Sin", "Cos", "Erf", "Hardmax"}
"""What gives numbers between fixed bounds."""

_LEARNED = CONVS | RECURRENT | FUSED_ATTENTION
_GENERIC = _named(
    *(Family.SUM, Family.DIFFERENCE, Family.SCALING, Family.ELEMENTWISE, Family.PADDING, Family.JOINING),
    *(Family.CONTROL, Family.SHAPE, Family.RANDOM, Family.OTHER),
)
"""Names that mean nothing in another domain, where anybody may call anything so."""


def row_of(op: Op) -> Operator | None:
    """What the table says of an op's operator; of another domain's operator, what it says of the name."""
    return (TABLE.get(op.kind) if op.domain else None) or _BY_NAME.get(op.type)


def is_known(op: Op) -> bool:
    """Whether the table says what an op's operator is."""
    return op.kind in TABLE or op.type in _BY_NAME and op.type not in _GENERIC


def is_learned(net: Net, op: Op) -> bool:
    """Whether an op applies learned weights that mix its input: a convolution, a product with a constant, a recurrence."""
    if op.type in _LEARNED:
        return True
    if op.type in PRODUCTS:
        return bool(op.fixed)
    return op.type == "Gather" and bool(op.fixed) and op.fixed[0] == op.inputs[0]


def is_layer(net: Net, op: Op) -> bool:
    """Whether an op is a weighted layer, as depth is counted: learned, no look-up in an embedding, no attention on its own."""
    row = row_of(op)
    return row is not None and row.layer and is_learned(net, op)


def adds_to_itself(op: Op) -> bool:
    """Whether an op is the sum of one data tensor with itself."""
    return op.type in SUMS and len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and bool(op.data)


def may_hold_norm(net: Net, op: Op) -> bool:
    """Whether a normalization may have been folded into an op: a convolution with a bias, or the exporter's note that it was.

    The note may only acquit: a file without it proves nothing, since folding leaves no op behind. Where a
    module is exported to be analysed, nothing is folded, and the model says so.
    """
    if UNFOLDED in (net.metadata or {}):
        return False
    row = row_of(op)
    if row is not None and row.bias is not None and len(op.inputs) > row.bias and op.inputs[row.bias]:
        return True
    return is_learned(net, op) and "BatchNorm" in op.noted("pkg.onnxscript.rewriter.rule_name")


def is_interaction(net: Net, op: Op) -> bool:
    """Whether an op multiplies two data tensors as matrices, as attention does."""
    if op.type not in PRODUCTS:
        return op.type in FUSED_ATTENTION
    row = row_of(op)
    second = row.weight if row is not None and row.weight is not None else 1
    factors = op.inputs if op.type == "Einsum" else (op.inputs[0], *op.inputs[second : second + 1])
    return len(net.data_among(factors)) > 1


def is_work(net: Net, op: Op) -> bool:
    """Whether an op makes a branch a branch: learned or interacting, pooling or gathering, a loop, or unknown here."""
    return (
        is_learned(net, op)
        or is_interaction(net, op)
        or op.type in POOLING
        and not is_reduction(op)
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
    row = row_of(op)
    if activation_in(op) or row is not None and row.family is Family.PRODUCT and row.nonlinear:
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


def is_reduction(op: Op) -> bool:
    """Whether an op summarizes whole axes, and no neighbourhoods."""
    row = row_of(op)
    return row is not None and row.family is Family.REDUCTION


def fused_sum(op: Op) -> str:
    """The tensor that a fused op adds to what it computes; empty where it adds none."""
    row = row_of(op)
    return op.inputs[row.added] if row is not None and row.added is not None and len(op.inputs) > row.added else ""


def is_square(net: Net, op: Op) -> bool:
    """Whether an op takes the square or the absolute value of a tensor."""
    if op.type == "Mul":
        return len(op.inputs) == 2 and op.inputs[0] == op.inputs[1]
    return (
        op.type in ("Abs", "ReduceSumSquare", "ReduceL2", "ReduceL1")
        or op.type == "Pow"
        and scalar(net, op.inputs[1]) == 2
    )


def is_depthwise(net: Net, op: Op) -> bool:
    """Whether a convolution keeps channels apart: its weight is [outputs, 1, ...]."""
    shape = _kernels(net, op) if op.type in CONVS else ()
    return len(shape) > 2 and shape[1] == 1


def kernel(net: Net, op: Op) -> tuple[int, ...]:
    """The extents of a convolution's kernel, from its attribute or, where it leaves that out, from its weight."""
    return op.integers("kernel_shape") or tuple(d for d in _kernels(net, op)[2:] if isinstance(d, int))


def _kernels(net: Net, op: Op) -> Shape:
    row = row_of(op)
    at = row.weight if row is not None else None
    return (net.shape(op.inputs[at]) if at is not None and len(op.inputs) > at else None) or ()


def is_foreign(op: Op) -> bool:
    """Whether nothing is known of an op."""
    return bool(op.domain) and not is_known(op)


def strides(op: Op) -> tuple[int, ...]:
    """The strides of a convolution or a pooling; none where the file names one that can't be."""
    found = op.integers("strides") or ()
    return found if all(s > 0 for s in found) else ()


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
