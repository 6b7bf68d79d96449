"""What reslint knows about a net: blocks, the other merges, stacks, depth and cost. All frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reslint.net import Net, Op


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
class Block:
    """One residual connection.

    `fork` is the tensor that feeds both sides, `sides` the tensors that the merge reads: shortcut first, then branch.
    `shortcut` and `branch` hold the ops on the way, in topological order. `scale_shortcut` and `scale_branch` are constant
    factors on the sides where they are known: 1.0 where there is none, None where a factor's values are not there.
    `depth` counts the weighted ops on the longest way through the branch.
    """

    net: Net
    merge: Op
    kind: Kind
    fork: str
    sides: tuple[str, str]
    shortcut: tuple[Op, ...]
    branch: tuple[Op, ...]
    reason: str
    normalization: Placement = Placement.UNKNOWN
    scale_shortcut: float | None = 1.0
    scale_branch: float | None = 1.0
    activation: Op | None = None
    nonnegative: bool = False
    depth: int = 0
    module: str | None = None
    source: Source | None = None
    stack: int = 0


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge of data that is no residual connection, and why."""

    net: Net
    op: Op
    role: Role
    reason: str


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks in a row on one stream. Every `period` blocks the signatures repeat; `odd` are the ones that don't fit."""

    blocks: tuple[Block, ...]
    period: int
    odd: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Paths:
    """The lengths, in weighted layers, of all paths through the residual graph (evidence: Veit et al. 2016)."""

    log2_count: float
    min: int
    mean: float
    max: int
    mode: int
    shares: tuple[float, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Anatomy:
    """All that the rules stand on."""

    net: Net
    blocks: tuple[Block, ...]
    merges: tuple[Merge, ...]
    stacks: tuple[Stack, ...]
    depth: Depth
    cost: Cost
