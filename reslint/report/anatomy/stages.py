"""Residual blocks in, the stages that a person sees in them out: blocks in a row of one stack, width and shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import prod

from reslint.anatomy import Anatomy, Block, Kind, Placement
from reslint.anatomy.describe.signature import label
from reslint.anatomy.views.source import module_of
from reslint.net import Op, Shape
from reslint.report.common.extent import dims

_LONG = 8
"""A run of more like blocks than this is folded."""

_TIMES = 3
"""Blocks that repeat in turn this often are shown as a formula."""

_VARIETY = 3
"""As many kinds of branches are named in a cell."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks in a row that a person would draw as one row of a table."""

    blocks: tuple[Block, ...]

    @property
    def shape(self) -> Shape | None:
        """The shape of the stream after the last block, without the batch; of several layouts the one with most axes."""
        return max((_out(block) for block in reversed(self.blocks)), key=lambda shape: len(shape or ()))

    @property
    def out(self) -> str:
        """The same as text."""
        return dims(self.shape, self.blocks[0].net)

    @property
    def module(self) -> str:
        """What the modules of the blocks have in common."""
        paths = [(module_of(block.merge) or "").split(".") for block in self.blocks]
        common = []
        for parts in zip(*paths, strict=False):
            if len(set(parts)) > 1:
                break
            common.append(parts[0])
        return ".".join(common)

    @property
    def branch(self) -> str:
        """What the blocks do on their branches, each thing once."""
        words = tuple(dict.fromkeys(branch_word(block) for block in self.blocks))
        return ", ".join(words[:_VARIETY]) + ", ..." * (len(words) > _VARIETY)

    @property
    def normalization(self) -> str:
        """Where most of the blocks normalize."""
        return Counter(str(block.normalization) for block in self.blocks).most_common(1)[0][0]

    @property
    def ops(self) -> Iterator[Op]:
        """All ops of the blocks."""
        return (op for block in self.blocks for op in (*block.shortcut, *block.branch, block.merge))

    @property
    def period(self) -> int:
        """After how many blocks they repeat throughout; the number of blocks where they never do."""
        terms = [(block.kind, _term(block)) for block in self.blocks]
        return next((p for p in range(1, len(terms)) if not len(terms) % p and terms[p:] == terms[:-p]), len(terms))

    def letters(self, marked: Callable[[Block], bool]) -> str:
        """One letter per block, long runs folded; a block that `marked` says so has an exclamation mark."""
        shown = []
        for letter, run in groupby(f"{_LETTERS[block.kind]}{' !' * marked(block)}" for block in self.blocks):
            length = len(list(run))
            shown.append(f"{letter} x{length}" if length > _LONG else " ".join([letter] * length))
        return " ".join(shown)

    @property
    def formula(self) -> str | None:
        """`24 x { +attn(norm x)  +mlp(norm x) }` for blocks that repeat in turn; None where a row of letters shows them."""
        times = len(self.blocks) // self.period
        if self.period == 1 or times < _TIMES:
            return None
        return f"{times} x {{ {'  '.join(_term(block) for block in self.blocks[: self.period])} }}"


_LETTERS = {"identity": "I", "projection": "P", "scaled": "S", "gated": "G", "dense": "D"}


def stages(anatomy: Anatomy) -> tuple[Stage, ...]:
    """The blocks of a net and of its bodies, in rows."""
    rows: list[list[Block]] = []
    for block in anatomy.blocks:
        if rows and _continues(rows[-1][-1], block):
            rows[-1].append(block)
        else:
            rows.append([block])
    return tuple(Stage(tuple(row)) for row in rows)


def _continues(before: Block, block: Block) -> bool:
    """Whether a block goes on with the stage of the one before: the same stream, or the same one laid out otherwise."""
    if block.net is not before.net or _extent(block) != _extent(before):
        return False
    return block.stack == before.stack or _out(block) != _out(before)


def branch_word(block: Block) -> str:
    """A branch in a word or two: its kernels, attn, mlp."""
    word = label(block)
    return word.removeprefix("conv ") if "x" in word else word  # a bare 4 says nothing


def _out(block: Block) -> Shape | None:
    shape = block.net.shape(block.merge.id)
    return shape[1:] if shape is not None and len(shape) > 1 else shape


def _extent(block: Block) -> Shape | int | None:
    """What blocks of one stage share: the number of elements, since 56x56x96 and 3136x96 are one stream, laid out otherwise."""
    shape = _out(block)
    if shape is None:
        return None
    if block.kind is Kind.DENSE:
        return shape[1:]  # the channels grow from block to block
    known = tuple(d for d in shape if isinstance(d, int))
    return prod(known) if len(known) == len(shape) else shape


def _term(block: Block) -> str:
    branch = branch_word(block)
    return {
        Placement.PRE: f"+{branch}(norm x)",
        Placement.POST: f"norm(x + {branch}(x))",
        Placement.BRANCH_END: f"+norm({branch}(x))",
        Placement.SANDWICH: f"+norm({branch}(norm x))",
    }.get(block.normalization, f"+{branch}(x)")
