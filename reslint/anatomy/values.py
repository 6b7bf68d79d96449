"""What reslint knows about a net: blocks, the other merges, depth and cost. All frozen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reslint.net import Dim, Net, Op, Shape


class Kind(StrEnum):
    """How the stream reaches a merge."""

    IDENTITY = "identity"
    PROJECTION = "projection"
    SCALED = "scaled"
    GATED = "gated"
    DENSE = "dense"


class Role(StrEnum):
    """Why a merge is no residual connection."""

    UNET = "unet"
    FPN = "fpn"
    FUSE = "fuse"
    BRANCH = "branch"
    POSITION = "position"
    ARITHMETIC = "arithmetic"
    ATTENTION = "attention"
    CONDITION = "condition"
    SLICES = "slices"
    CELL = "cell"
    OTHER = "other"


class Placement(StrEnum):
    """Where the normalization of a block sits."""

    PRE = "pre"
    POST = "post"
    BRANCH_END = "branch-end"
    SANDWICH = "sandwich"
    NONE = "none"
    FOLDED = "folded?"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Source:
    """A line of Python that the exporter noted."""

    file: str
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """A constant factor on a side of a merge; its value is None where it is a vector or its weights are not there."""

    value: float | None


Size = tuple[int, tuple[str, ...]]
"""How large a tensor is, whatever its layout: the product of its known extents, and its symbols."""


class Layer(NamedTuple):
    """A layer, or what else brings values together, as structure tells it: equal for siblings."""

    kind: str
    """The operator, one word for those that are the same layer."""
    shape: tuple[Dim, ...] | None = None
    """The shape of its weight; None for what has none."""
    strides: tuple[int, ...] = ()
    """Its strides, each once; empty where all are 1."""

    def __str__(self) -> str:
        """`Conv[64, 64, 3, 3]/2`."""
        shape = "" if self.shape is None else str(list(self.shape))
        return f"{self.kind}{shape}{''.join(f'/{s}' for s in self.strides)}"


Work = Counter[Layer]
"""What a branch holds, and how often."""


class Signature(NamedTuple):
    """What a block is made of, in no particular order; `inside` counts the residual connections in its branch."""

    kind: Kind
    normalization: Placement
    branch: frozenset[tuple[Layer, int]]
    shortcut: frozenset[tuple[Layer, int]]
    inside: int

    def __str__(self) -> str:
        """The signature as `reslint anatomy --format json` has it."""
        inside = f"{self.inside} inside" if self.inside else ""
        sides = (listed(dict(side)) for side in (self.branch, self.shortcut))
        return " | ".join((self.kind, self.normalization, *sides, inside))


def listed(counted: Mapping[Layer, int]) -> str:
    """Layers as sorted text, with counts."""
    found = sorted((str(layer), n) for layer, n in counted.items())
    return ", ".join(f"{n} {what}" if n > 1 else what for what, n in found)


class Block(NamedTuple):
    """One residual connection.

    `fork` is the tensor that feeds both sides, `sides` the tensors that the merge reads: shortcut first, then branch.
    `shapes` are those of the sides, `size` is how large the merged stream is, and `work` what the branch does, without
    normalizations (reslint.anatomy.describe.signature).
    `shortcut` and `branch` hold the ops on the way, in topological order; where a branch holds residual connections of its
    own (`inner`, by merge) only what is outside of them, while `branch_ops` counts all. `scale_shortcut` and
    `scale_branch` are constant factors at the ends of the sides, None where there is none; `gated_branch` says that the
    branch ends in a product with something computed from data. `activation` is what all of the merged stream goes through.
    `depth` is the largest number of weighted layers on a way through the branch.

    A net may have ten thousands of them, and a frozen dataclass takes four times as long to make as a tuple.
    """

    net: Net
    merge: Op
    kind: Kind
    fork: str
    sides: tuple[str, str]
    shapes: tuple[Shape | None, Shape | None]
    size: Size | None
    shortcut: tuple[Op, ...]
    branch: tuple[Op, ...]
    branch_ops: int
    work: Work
    reason: str
    normalization: Placement
    scale_shortcut: Scale | None
    scale_branch: Scale | None
    gated_branch: bool
    activation: Op | None
    nonnegative: bool
    nonlinear: bool
    depth: int
    inner: tuple[str, ...]
    stack: int = 0

    def __repr__(self) -> str:
        return f"<Block {self.merge.id!r}: {self.kind}, {self.normalization}, branch of {self.branch_ops} ops>"


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of data that is no residual connection, and why."""

    net: Net
    op: Op
    role: Role
    reason: str


@dataclass(frozen=True, slots=True)
class Paths:
    """The lengths, in weighted layers, of all paths through the residual graph (evidence: Veit et al. 2016).

    `shares[k]` is the share of paths with `start + k` layers; lengths of a share below 1e-18 are left out.
    """

    log2_count: float
    min: int
    mean: float
    max: int
    mode: int
    variance: float
    start: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep a net is: in ops and weighted layers on its longest path, in residual blocks, and without a bypass."""

    ops: int
    weighted: int
    residual: int
    longest_plain: int
    plain: tuple[Op, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """Parameters, multiply-accumulates and bytes of activations; `unknown` lists op types that were not counted."""

    params: int
    macs: int
    activation_bytes: int = 0
    unknown: tuple[str, ...] = ()
    by_op: Mapping[str, int] | None = None
