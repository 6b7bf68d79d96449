"""A block in, how the elements that its merge adds belong together out: which axis of the fork stands where on each side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from reslint.anatomy.values import Block
from reslint.anatomy.views.atoms import Atom, Axes, Axis, origin, origins
from reslint.anatomy.views.axis_tracking import sides_followed
from reslint.net import Op

_MOVING = frozenset({"Transpose", "Reshape", "ReverseSequence", "Slice", "Pad", "Concat", "Gather", "Einsum"})


class How(StrEnum):
    """What is wrong with the place of an element."""

    PERMUTED = "permuted"
    SCRAMBLED = "scrambled"
    TURNED = "turned"
    SHIFTED = "shifted"
    PARTLY = "partly"


class Misplaced(NamedTuple):
    """Axes of a merge at which its sides don't fit: what stands there on the `side` that moved, as axes of the fork.

    `positions` is by how many positions it was moved, or how many of them hold anything.
    """

    how: How
    axes: tuple[int, ...]
    came: tuple[tuple[int, ...], ...]
    side: int
    positions: int = 0


def misplaced(block: Block, forks: Mapping[str, str]) -> Misplaced | None:
    """The first way in which the sides of a merge don't fit element by element, None where nothing says that they don't."""
    if not any(op.type in _MOVING for op in (*block.shortcut, *block.branch)):
        return None
    followed = sides_followed(block, forks)
    return None if followed is None else next(_misfits(*followed), None)


def _misfits(short: Axes, long: Axes) -> Iterator[Misplaced]:
    pairs = tuple(zip(short, long, strict=True))
    wrong = [k for k, (a, b) in enumerate(pairs) if origin(a) != origin(b) and -1 not in (origin(a), origin(b))]
    if wrong and {origin(short[k]) for k in wrong} == {origin(long[k]) for k in wrong}:
        side = 1 if all(origin(short[k]) == k for k in wrong) else 0
        came = tuple([(origin((long if side else short)[k]),) for k in wrong])
        yield Misplaced(How.PERMUTED, tuple(wrong), came, side)
    blurred = [(k, a, b) for k, (a, b) in enumerate(pairs) if _is_scrambled(a, b) or _is_scrambled(b, a)]
    if blurred:
        side = 1 if _is_scrambled(blurred[0][1], blurred[0][2]) else 0
        moved = [(a, b)[side] for _, a, b in blurred]
        pieces = tuple([tuple(dict.fromkeys(atom.axis for atom in axis if atom.size != 1)) for axis in moved])
        yield Misplaced(How.SCRAMBLED, tuple([k for k, _, _ in blurred]), pieces, side)
    for k, (a, b) in enumerate(pairs):
        if len(a) == len(b) == 1 and a[0].axis == b[0].axis >= 0:
            yield from _out_of_order(k, a[0], b[0])


def _is_scrambled(plain: Axis, other: Axis) -> bool:
    """Whether an axis is one of the fork's on one side, and pieces of that and of others on the other side."""
    return origin(plain) >= 0 and len(origins(other)) > 1 and -1 not in origins(other)


def _out_of_order(k: int, short: Atom, long: Atom) -> Iterator[Misplaced]:
    came = ((short.axis,),)
    if short.turned != long.turned:
        yield Misplaced(How.TURNED, (k,), came, int(long.turned))
    if short.shift != long.shift and isinstance(short.size, int):
        side = 1 if long.shift else 0
        far = (short, long)[side].shift
        yield Misplaced(How.SHIFTED, (k,), came, side, min(far, short.size - far))
    if bool(short.held) != bool(long.held):
        yield Misplaced(How.PARTLY, (k,), came, int(bool(long.held)), short.held or long.held)


def scrambler(block: Block, found: Misplaced) -> Op | None:
    """The op of a side that last moved its axes, where that tells what to mend."""
    ops = block.branch if found.side else block.shortcut
    kinds = {
        How.PERMUTED: ("Transpose",),
        How.SCRAMBLED: ("Reshape", "Flatten"),
        How.TURNED: ("Slice", "ReverseSequence", "Gather"),
        How.SHIFTED: ("Concat", "Slice", "Pad", "Gather"),
        How.PARTLY: ("Pad", "Concat"),
    }[found.how]
    return next((op for op in reversed(ops) if op.type in kinds), None)
