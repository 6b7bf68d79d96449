"""The segments that have their siblings' shape, but in one slot a value of their own where all others agree.

A slot in which siblings differ among themselves (dilations that grow, windows that alternate, widths of a searched
network) says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy.regularity.canonical import Description, Slot, What
from reslint.anatomy.regularity.places import Place

_VOTES = 2  # siblings that must agree
_SOME = 3  # siblings that outweigh that a first or last layer may differ on purpose, or that another stage may
_MANY = 5  # siblings that make a slip of what is chosen more freely: a width
_STAGED = frozenset(
    {"kernel_shape", "pads", "strides", "group", "output_padding", "output_shape", "num_heads", "axes", "perm"}
)
"""Attributes that a stage may have of its own, as its size decides."""


_LEARNED = frozenset({"MatMul", "Gemm", "Conv", "ConvTranspose"})


@dataclass(frozen=True, slots=True)
class OddSlots:
    """A segment that differs, its siblings, and the slots that differ: theirs and its own."""

    number: int
    siblings: tuple[int, ...]
    slots: tuple[tuple[Slot, Slot], ...]


Column = Mapping[int, Slot]
"""One slot of all segments of a shape, by segment."""


def odd_slots(descriptions: Sequence[Description], places: Sequence[Place]) -> Iterator[OddSlots]:
    """The segments that have a value of their own where their siblings agree."""
    for group in _alike(descriptions):
        told: dict[int, list[tuple[Slot, Slot]]] = {}
        for column in _columns(descriptions, group):
            for number, theirs, own in _odd(column, places):
                told.setdefault(number, []).append((theirs, own))
        for number, slots in told.items():
            yield OddSlots(number, tuple(n for n in group if n != number), tuple(slots))


def _alike(descriptions: Sequence[Description]) -> Iterator[list[int]]:
    """The segments of one shape that are not all the same, where there are enough."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, d in enumerate(descriptions):
        groups.setdefault((d.shape, *((slot.what, slot.at) for slot in d.slots)), []).append(number)
    for group in groups.values():
        if len(group) > _VOTES:
            yield group


def _columns(descriptions: Sequence[Description], group: Sequence[int]) -> Iterator[Column]:
    """The slots of a group that are not all equal, one for each attribute."""
    for slots in zip(*(descriptions[n].slots for n in group), strict=True):
        column = dict(zip(group, slots, strict=True))
        if slots[0].what is What.WEIGHT:
            yield column
        elif len({slot.value for slot in slots}) > 1:
            yield from _by_attribute(column) if slots[0].what is What.ATTRIBUTE else (column,)


def _by_attribute(column: Column) -> Iterator[Column]:
    values = {n: dict(slot.value) if isinstance(slot.value, tuple) else {} for n, slot in column.items()}
    for name in sorted({name for own in values.values() for name in own}):
        yield {n: Slot(slot.op, What.ATTRIBUTE, name, values[n].get(name)) for n, slot in column.items()}


def _odd(column: Column, places: Sequence[Place]) -> Iterator[tuple[int, Slot, Slot]]:
    """The segment that differs from all others of its shape, or from all others of its run; with a sibling's slot."""
    number = _odd_one(column)
    if number is not None:
        theirs, own = _sibling(column, number, places), column[number]
        if _is_slip(theirs, own, number, [n for n in column if n != number], places):
            yield number, theirs, own
        return
    runs: dict[int, dict[int, Slot]] = {}
    for n, slot in column.items():
        if _is_plain(slot):
            runs.setdefault(places[n].run, {})[n] = slot
    for part in runs.values():
        number = _odd_one(part) if len(part) > _VOTES else None
        if number is not None:
            theirs, own = _sibling(part, number, places), part[number]
            if _is_slip(theirs, own, number, [n for n in part if n != number], places):
                yield number, theirs, own


def _odd_one(column: Column) -> int | None:
    """The one that differs where all others agree, None where there is none."""
    slots = list(column.values())
    if slots[0].what is What.WEIGHT and slots[0].op.type in _LEARNED and len(slots) > _VOTES + 1:
        first: dict[object, int] = {}
        again = [n for n, slot in column.items() if first.setdefault(slot.also, n) != n]
        if len(again) == 1:
            return again[0]
    for values in ([s.value for s in slots], [s.also for s in slots] if slots[0].what is What.STREAM else []):
        counted = Counter(values)
        if len(counted) == 1:
            return None
        if len(counted) == 2 and min(counted.values()) == 1:
            return list(column)[values.index(min(counted, key=lambda v: counted[v]))]
    return None


def _sibling(column: Column, number: int, places: Sequence[Place]) -> Slot:
    """The slot of a sibling, of the same run if there is one."""
    others = [n for n in column if n != number]
    return column[min(others, key=lambda n: (places[n].run != places[number].run, abs(n - number)))]


def _is_slip(theirs: Slot, own: Slot, number: int, siblings: Sequence[int], places: Sequence[Place]) -> bool:
    """Whether so many agree, and at such a place, that a value of its own is none of the design."""
    if _is_stale(theirs, own):
        return True
    here = places[number]
    if here.is_first or here.is_last:
        return False
    near = any(places[n].run == here.run for n in siblings)
    far = len({places[n].run for n in siblings}) > 1 and len(siblings) >= _SOME and _is_sizeless(own)
    if not (near or far) or len(siblings) < _needed(theirs, own):
        return False
    before = any(places[k].row == here.row and places[k].at < here.at for k in siblings)
    behind = any(places[k].row == here.row and places[k].at > here.at for k in siblings)
    if own.what is What.STREAM and (here.at < _back(theirs) or not before):
        return False
    return before and behind or len(siblings) >= (_SOME if _is_plain(own) else _MANY)


def _is_stale(theirs: Slot, own: Slot) -> bool:
    """Whether a block reads an older stream where its siblings read the last."""
    if own.what is not What.STREAM:
        return False
    return not _is_inner(theirs) and not _is_inner(own) and _back(theirs) == 1 < _back(own)


def _back(slot: Slot) -> int:
    """How many merges lie between a block and the stream that it reads, its own among them."""
    return slot.value[0] if isinstance(slot.value, tuple) and isinstance(slot.value[0], int) else 0


def _is_inner(slot: Slot) -> bool:
    """Whether a slot reads what is inside an earlier block: the first layer has none before it to read from."""
    return isinstance(slot.value, tuple) and slot.value[1] >= 0


def _is_sizeless(own: Slot) -> bool:
    """Whether a slot is an attribute (an axis, an epsilon) or a stream, which no stage's size decides."""
    return own.what is What.STREAM or own.what is What.ATTRIBUTE and own.at not in _STAGED


def _is_plain(own: Slot) -> bool:
    """Whether a slot is one number, no size."""
    if own.what is What.ATTRIBUTE:
        return own.at not in _STAGED
    return own.what is What.CONSTANT and isinstance(own.value, tuple) and len(own.value[2] or ()) == 1


def _needed(theirs: Slot, own: Slot) -> int:
    """How many siblings must agree: widths and what is read from elsewhere are chosen more freely than attributes."""
    if own.what is What.WEIGHT:
        return _MANY if theirs.value != own.value else _VOTES + 1
    if own.what is What.STREAM:
        return _MANY if _is_inner(theirs) else _VOTES
    return _VOTES if own.what is What.ATTRIBUTE or _is_plain(own) else _SOME
