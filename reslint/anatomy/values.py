"""What reslint knows about a net: blocks, the other merges, depth and cost. Values all, which nobody changes."""

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
    """The file, as the exporter wrote it."""
    line: int
    """The line, from 1."""
    text: str = ""
    """The line's text, where it was noted."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A constant factor on a side of a merge."""

    value: float | None
    """The factor; None where it is a vector, or its weights are not there."""


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


Content = frozenset[tuple[Layer, int]]
"""The layers of a branch or a shortcut in no particular order, each with how often it is there."""

Work = Counter[Layer]
"""The same where layers are added, subtracted and compared."""


class Signature(NamedTuple):
    """What a block is made of: equal for blocks of the same make, whatever their names."""

    kind: Kind
    """How the stream reaches the merge."""
    normalization: Placement
    """Where the normalization sits."""
    branch: Content
    """What the branch holds, without the blocks inside it."""
    shortcut: Content
    """What the shortcut holds; empty where it is the stream itself."""
    inside: int
    """How many residual connections lie in the branch."""

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
    """One residual connection: a fork, a shortcut and a branch, and the merge that ends it.

    Extents are those of the file: integers, names of symbolic dimensions, or None where nothing is known. A net may have ten
    thousands of blocks, and a frozen dataclass takes four times as long to make as a tuple.
    """

    net: Net
    """The net that holds the block: the model's graph, or the body of an If, Loop or Scan."""
    merge: Op
    """The op that brings shortcut and branch together; its first output names the block."""
    kind: Kind
    """How the stream reaches the merge."""
    fork: str
    """The tensor that feeds both sides."""
    sides: tuple[str, str]
    """The tensors that the merge reads: the shortcut's, then the branch's."""
    shapes: tuple[Shape | None, Shape | None]
    """The shapes of the sides, None where the rank is unknown."""
    size: Size | None
    """How large the merged stream is, None where its rank is unknown."""
    shortcut: tuple[Op, ...]
    """The ops from the fork to the merge on the shortcut's side, in topological order; empty where it is the stream itself."""
    branch: tuple[Op, ...]
    """The ops on the branch, in topological order, without those of the blocks inside it."""
    branch_ops: int
    """The number of ops on the branch, with those of the blocks inside it."""
    work: Content
    """The layers on the branch, without normalizations: what makes blocks siblings."""
    reason: str
    """Why it is seen as a block, in words for a person."""
    normalization: Placement
    """Where the block's normalization sits."""
    scale_shortcut: Scale | None
    """The constant factor at the shortcut's end; None where there is none."""
    scale_branch: Scale | None
    """The constant factor at the branch's end (LayerScale, say); None where there is none."""
    gated_branch: bool
    """Whether the branch ends in a product with something computed from data."""
    activation: Op | None
    """The activation that all of the merged stream goes through; the merge itself where it is fused with one."""
    nonnegative: bool
    """Whether the branch ends in something that cannot be below zero."""
    nonlinear: bool
    """Whether the branch holds a nonlinear op, or one that mixes positions by weights that it computes from them."""
    depth: int
    """The largest number of weighted layers on a way through the branch."""
    inner: tuple[str, ...]
    """The blocks inside the branch, by the first outputs of their merges."""
    bounded: bool = False
    """Whether what the branch ends with keeps it in bounds: a recurrent layer, a tanh, a sigmoid."""
    stack: int = 0
    """The number of the block's stack, from 0."""
    further: tuple[Op, ...] = ()
    """The sums behind the merge that add more branches of the same fork, whose ops `branch` holds, too."""

    @property
    def end(self) -> Op:
        """The op that gives the stream behind all branches."""
        return self.further[-1] if self.further else self.merge

    def __repr__(self) -> str:
        return f"<Block {self.merge.id!r}: {self.kind}, {self.normalization}, branch of {self.branch_ops} ops>"


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of data that is no residual connection, and why."""

    net: Net
    """The net that holds it."""
    op: Op
    """The op that merges."""
    role: Role
    """What it is instead."""
    reason: str
    """Why it is no residual connection, in words for a person."""
    analysed: bool = True
    """Whether it was looked at; it is not where more ways lead to it than a published network has."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The lengths, in weighted layers, of all paths through the residual graph (Veit et al. 2016, arXiv:1605.06431)."""

    log2_count: float
    """The binary logarithm of the number of paths."""
    min: int
    """The length of the shortest path."""
    mean: float
    """The mean length."""
    max: int
    """The length of the longest path."""
    mode: int
    """The length that most paths have."""
    variance: float
    """The variance of the lengths, in squared layers."""
    start: int
    """The length to which the first share belongs."""
    shares: tuple[float, ...]
    """The share, from 0 to 1, of the paths with `start + k` layers; lengths at both ends with less than 1e-18 are left out."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep a net is."""

    ops: int
    """The number of ops on the path with the most."""
    weighted: int
    """The number of layers with weights on the path with the most."""
    residual: int
    """The largest number of residual blocks on one path."""
    longest_plain: int
    """The largest number of weighted layers in a row that no shortcut bypasses."""
    plain: tuple[Op, ...] = ()
    """Those layers, in topological order."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a net, or a part of it, costs for one run."""

    params: int
    """The number of learned parameters."""
    macs: int
    """The number of multiply-accumulates."""
    activation_bytes: int = 0
    """The bytes of all tensors that ops make."""
    unknown: tuple[str, ...] = ()
    """The types of ops whose multiply-accumulates were not counted."""
    by_op: Mapping[str, int] | None = None
    """The multiply-accumulates of each op, by first output; None where nobody asked for them."""
