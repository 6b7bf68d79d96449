"""The values of a model's portrait: all that a page shows of it, without the net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reslint.anatomy.values import Depth, Kind, Paths


@dataclass(frozen=True, slots=True)
class Step:
    """One op of a block, and the shape of what it makes; `weight` is the shape of what it learned, empty where it did not."""

    op: str
    tensor: str
    node: str
    shape: str
    weight: str
    macs: int
    module: str
    source: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One block: what stands on its picture (`word` on the branch, `sign` on the shortcut), and what is told when it is opened.

    Blocks that are `alike` in all that matters have the same text there.
    """

    merge: Step
    kind: Kind
    normalization: str
    word: str
    sign: str
    alike: str
    fork: str
    reason: str
    scales: tuple[str, ...]
    depth: int
    branch_ops: int
    macs: int
    shortcut: tuple[Step, ...]
    branch: tuple[Step, ...]

    @property
    def name(self) -> str:
        """What a reader calls the block."""
        return self.merge.module or self.merge.node or self.merge.tensor


@dataclass(frozen=True, slots=True)
class Stretch:
    """The blocks of one stage, by number from `first` up to `end`, and the stretches that its stream comes `after`."""

    module: str
    out: str
    macs: int
    first: int
    end: int
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """What one model's page is drawn from."""

    graph: str
    skeleton: str
    fed: str
    blocks: tuple[Seen, ...]
    stretches: tuple[Stretch, ...]
    final_norm: bool
    others: Mapping[str, int]
    params: int
    macs: int
    uncounted: tuple[str, ...]
    depth: Depth
    paths: Paths
