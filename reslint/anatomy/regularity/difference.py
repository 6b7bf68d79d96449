"""What differs between two segments whose shapes are not the same: the ops that one has and the other has not.

An op of one segment is known to the other if there is one with the same computation behind it, or one from which the same
computation leads to the merge. Of a changed graph everything before the change is known by the first, everything behind it
by the second, and what is left is the change itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from reslint.anatomy.regularity.canonical import Describer, Description
from reslint.anatomy.regularity.segments import SHARED
from reslint.net import Op


@dataclass(frozen=True, slots=True)
class Difference:
    """The ops that a segment has beyond a sibling's, and those that it lacks, from the input towards the merge.

    Where ops are the same on both sides, `turned` is an op whose inputs come from elsewhere, here and in the sibling.
    `behind` is the segment's own op before which something is missing. `is_sign`: it subtracts at its merge, and they add.
    `is_elsewhere`: what is turned reads what is inside another segment.
    """

    extra: tuple[Op, ...]
    missing: tuple[Op, ...]
    turned: tuple[Op, Op] | None = None
    behind: Op | None = None
    is_sign: bool = False
    is_elsewhere: bool = False

    @property
    def size(self) -> int:
        """How many ops differ."""
        return len(self.extra) + len(self.missing)


Ways = Mapping[str, int]


def difference(describer: Describer, here: tuple[int, Description], sibling: tuple[int, Description]) -> Difference:
    """What the segment `here` does otherwise than its sibling."""
    numbers: dict[object, int] = {}
    own, theirs = _onward(describer, *here, numbers), _onward(describer, *sibling, numbers)
    extra = _unknown(here[1], own, sibling[1], theirs)
    missing = _unknown(sibling[1], theirs, here[1], own)
    turned = None if extra or missing else _turned(describer, here[1], own, sibling[1], theirs)
    ends = describer.cut.ends
    is_sign = (ends[here[0]].type, ends[sibling[0]].type) == ("Sub", "Add")
    behind = _behind(here[1], own, missing, sibling[1], theirs)
    elsewhere = turned is not None and any(_is_elsewhere(describer, op) for op in turned)
    return Difference(extra, missing, turned, behind, is_sign, elsewhere)


def _is_elsewhere(describer: Describer, op: Op) -> bool:
    """Whether an op reads what is inside another segment than its own."""
    cut = describer.cut
    made = (cut.net.producer.get(name) for name in op.data)
    return any(
        m is not None and not cut.is_boundary(m) and cut.owner.get(m.id) not in (None, SHARED, cut.owner.get(op.id))
        for m in made
    )


def _behind(here: Description, own: Ways, missing: tuple[Op, ...], sibling: Description, theirs: Ways) -> Op | None:
    """The segment's op that goes on as what reads the missing ops does in the sibling."""
    by_way = {own[op.id]: op for op in here.shapes}
    gone = {output for op in missing for output in op.outputs}
    readers = (op for op in sibling.shapes if op.id not in gone and not gone.isdisjoint(op.data))
    return next((by_way[theirs[op.id]] for op in readers if theirs[op.id] in by_way), None)


def _unknown(here: Description, own: Ways, sibling: Description, theirs: Ways) -> tuple[Op, ...]:
    computed, onward = set(sibling.shapes.values()), set(theirs.values())
    left = [op for op, shape in here.shapes.items() if shape not in computed and own[op.id] not in onward]
    more = here.kinds - sibling.kinds - Counter(op.type for op in left)
    both = {(shape, theirs[op.id]) for op, shape in sibling.shapes.items()}
    for op, shape in here.shapes.items():  # what is there twice here and once in the sibling
        if more[op.type] > 0 and op not in left and (shape, own[op.id]) not in both:
            left.append(op)
            more[op.type] -= 1
    return tuple(sorted(left, key=lambda op: op.place))


def _onward(describer: Describer, number: int, description: Description, numbers: dict[object, int]) -> Ways:
    """The way from each op of a segment to the merge, as a number: equal where what follows is the same."""
    read: dict[str, list[tuple[int, str, int]]] = {}
    found: dict[str, int] = {}
    for op in sorted(description.shapes, key=lambda op: -op.place):
        after = sorted(read.get(op.id, ()))
        found[op.id] = way = numbers.setdefault((op.kind, tuple(after)), len(numbers))
        for at, made in enumerate(read.made for read in describer.inputs[op.id]):
            if made is not None:
                place = at if op.type in ("Sub", "Div", "MatMul", "Concat", "Where") else 0
                read.setdefault(made.id, []).append((way, op.kind, place))
    return found


def _turned(
    describer: Describer, here: Description, own: Ways, sibling: Description, theirs: Ways
) -> tuple[Op, Op] | None:
    """The op nearest to the input whose own inputs differ, and the sibling's."""
    by_way = {theirs[op.id]: op for op in sibling.shapes}
    for op in sorted(here.shapes, key=lambda op: op.place):
        other = by_way.get(own[op.id])
        if other is not None and here.shapes[op] != sibling.shapes[other]:
            return op, other
    return None
