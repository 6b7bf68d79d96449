"""What a comparison of two residual skeletons says. All frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reslint.anatomy import Block


class Fate(StrEnum):
    """What became of the layers of a block that only one of the models has.

    `bare`: they are there in the other model, too, and no shortcut bypasses them. `gone`: they are not there. `unknown`: the
    block has no layers by which to tell.
    """

    BARE = "bare"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Single:
    """A block that only one of the models has, counted from 1 in it; `at` is the last op of its bare layers in the other."""

    block: Block
    number: int
    fate: Fate
    at: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What is different about a block that both models have, in words."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A block that both models have, and how it changed."""

    old: Block
    new: Block
    number: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How one model's residual skeleton differs from another's.

    `numbers` are depth and cost by name, old and new. `outside` counts layers that stand in no block, more of them in the
    new model above 0 and fewer below; those of blocks that lost or gained their shortcut are told there.
    """

    blocks: tuple[int, int]
    matched: int
    lost: tuple[Single, ...]
    gained: tuple[Single, ...]
    changed: tuple[Changed, ...]
    outside: Mapping[str, int]
    final_norm: tuple[bool, bool]
    signature: tuple[str, str]
    numbers: Mapping[str, tuple[int, int]]
    unknown: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the skeletons are the same, whatever they cost."""
        kept = self.final_norm[0] is self.final_norm[1]
        return kept and not (self.lost or self.gained or self.changed or self.outside)

    @property
    def lost_shortcuts(self) -> tuple[Single, ...]:
        """The blocks whose layers are still there, without their shortcut, or may be."""
        return tuple(single for single in self.lost if single.fate is not Fate.GONE)
