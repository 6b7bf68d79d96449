"""A residual merge in, all that it adds and where that can't be added out."""

from __future__ import annotations

from typing import NamedTuple

from reslint.anatomy import Block, Kind
from reslint.net import Shape


class Term(NamedTuple):
    """What a merge adds: a side of the block, or another input of its sum."""

    label: str
    name: str
    shape: Shape | None

    @property
    def said(self) -> str:
        """The term as messages name it: `the branch`, `input 3`."""
        return self.label if self.label.startswith("input") else f"the {self.label}"


class Clash(NamedTuple):
    """Two terms that can't be added, and the axes of the sum on which they differ."""

    one: Term
    other: Term
    axes: tuple[int, ...]


def sides(block: Block) -> tuple[Term, Term]:
    """The shortcut and the branch."""
    return (
        Term("shortcut", block.sides[0], block.shapes[0]),
        Term("branch", block.sides[1], block.shapes[1]),
    )


def further(block: Block) -> tuple[Term, ...]:
    """What a sum of more than two adds beside its block's sides."""
    given = block.merge.inputs
    if len(given) < 3 or block.merge.type != "Sum":
        return ()
    names = {name: at for at, name in enumerate(given, 1) if name not in block.sides}
    return tuple(Term(f"input {at}", name, block.net.shape(name)) for name, at in names.items())


def clash(block: Block) -> Clash | None:
    """The first terms of a merge that can't be added; None where nothing says that they can't."""
    more = further(block)
    if block.kind is Kind.DENSE or not more and block.shapes[0] == block.shapes[1]:
        return None
    wide: dict[int, tuple[Term, int]] = {}
    for term in (*sides(block), *more):
        for back, extent in enumerate(reversed(term.shape or ()), 1):
            if isinstance(extent, int) and extent != 1:
                first, there = wide.setdefault(back, (term, extent))
                if there != extent:
                    return Clash(first, term, _apart(first.shape or (), term.shape or ()))
    return None


def _apart(one: Shape, other: Shape) -> tuple[int, ...]:
    """The axes of a sum on which two shapes can't be added."""
    rank = max(len(one), len(other))
    pairs = enumerate(zip(reversed(one), reversed(other), strict=False), 1)
    apart = [b for b, (d, e) in pairs if isinstance(d, int) and isinstance(e, int) and d != e and 1 not in (d, e)]
    return tuple(sorted(rank - back for back in apart))
