"""The columns of the table of operators, and what they may say."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Family(Enum):
    """What an operator does to a stream; it is what the search for residual connections goes by."""

    CONVOLUTION = "weighs each position's neighbourhood by a learned kernel"
    PRODUCT = "multiplies matrices: a layer where one of them is constant, an interaction where none is"
    RECURRENCE = "goes along a sequence with learned weights"
    ATTENTION = "mixes positions by weights that it computes from them; a mixture of experts is taken for one"
    NORM = "normalizes"
    ADD_NORM = "adds a residual branch and normalizes the sum"
    ACTIVATION = "is a nonlinear function of each element, or of each row"
    POOLING = "summarizes each position's neighbourhood"
    REDUCTION = "summarizes whole axes"
    RESAMPLING = "changes the resolution"
    GATHERING = "brings positions or nodes together"
    SLICING = "takes a part"
    LAYOUT = "changes layout, shape or type, and no value"
    PADDING = "adds positions"
    JOINING = "sets tensors side by side"
    SUM = "adds elements"
    BIAS = "adds a vector"
    DIFFERENCE = "subtracts elements"
    SCALING = "multiplies or divides elements"
    ELEMENTWISE = "is a function of elements that no residual connection needs"
    QUANTIZATION = "goes to integers and back"
    EMBEDDING = "looks up vectors for tokens"
    CONTROL = "runs a body"
    SHAPE = "makes numbers of shapes or of nothing"
    RANDOM = "draws random numbers"
    OTHER = "has no part in residual connections: indices, sequences, text, losses"


class Axes(Enum):
    """How the axes of the first data input, and their extents, come out."""

    SAME = "each is there, with its extent"
    MEETS = "the inputs are broadcast to each other"
    SLIDES = "batch stays, channels are new, the others follow the formula of a window"
    CONTRACTS = "the last is summed over and a new one takes its place"
    PERMUTES = "each is there, in another order"
    REGROUPS = "their elements keep their order under another shape"
    RESIZES = "each is there, some with another extent"
    PICKS = "one gives way to those of the indices"
    REDUCES = "some become 1 or go"
    LOST = "nobody follows them"


class Macs(Enum):
    """How the multiply-accumulates of an operator are counted (reslint.anatomy.metrics.macs)."""

    FREE = "none, by convention"
    CONVOLUTION = "each output element takes one filter"
    TRANSPOSED = "each input element takes one filter"
    PRODUCT = "each output element takes one row of the first factor"
    PACKED = "a product whose extents stand in attributes"
    EINSUM = "as its equation says"
    RECURRENCE = "each step meets each weight once"
    ATTENTION = "queries meet keys, weights meet values"
    GROUPED = "the same, with queries that may hold keys and values"
    PROJECTED = "the same, with the projections inside"
    UNCOUNTED = "nobody agrees on an amount"


class Sign(Enum):
    """Which signs the elements of the output have."""

    ANY = "any"
    KEPT = "those of the input"
    NONNEGATIVE = "none is below zero"


class Operator(NamedTuple):
    """One row. Places are those of inputs, counted from 0; None stands for an operator that has no such input."""

    kind: str
    """The operator's name, behind its domain where that is not ONNX's own: `com.microsoft.FusedConv`."""
    family: Family
    """What it does to a stream."""
    axes: Axes
    """How axes and extents pass."""
    macs: Macs
    """How its multiply-accumulates are counted."""
    sign: Sign
    """Which signs come out."""
    nonlinear: bool
    """Whether it is nonlinear in a single data input, whatever its attributes say."""
    layer: bool
    """Whether it counts as a layer, as depth is counted, where it reads weights."""
    weight: int | None
    """The input that holds the kernel, the matrix, or the second factor."""
    bias: int | None
    """The input that holds a convolution's bias, where a folded normalization would have left its shift."""
    added: int | None
    """The input that a fused operator adds to what it computes: a residual connection's shortcut or branch."""
    past: int | None
    """The input that holds the keys of earlier steps."""
    parameters: tuple[int, ...] | None
    """The inputs that may hold learned parameters; None for all of them."""
    integers: bool
    """Whether parameters may be wide integers, as the biases of quantized layers are."""

    @property
    def name(self) -> str:
        """The operator's name without its domain."""
        return self.kind.rpartition(".")[2]

    @property
    def domain(self) -> str:
        """The operator's domain, empty for ONNX's own."""
        return self.kind.rpartition(".")[0]
