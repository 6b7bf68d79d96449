"""The segments whose shape no other has, and that of the siblings that stand in the same place.

A segment stands in the same place as another where the segment before it, or the one behind it, has the same layers; so
periods of any length, stages and nets that repeat a pattern here and there are all one to it. Of the shapes that stand
there the nearest is the siblings'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy.graph.ops import ACTIVATIONS, LAYOUT, is_layer
from reslint.anatomy.regularity.canonical import Describer, Description
from reslint.anatomy.regularity.difference import Difference, difference
from reslint.anatomy.regularity.places import ROW, RUN, Place, Siblings, grouped
from reslint.net import Net

_SMALL = 10  # ops that a slip leaves out or adds; a decomposed normalization has nine
_VOTES = 2  # siblings that must agree
_MANY = 5  # siblings that outweigh that a first or last layer may differ on purpose; fewer where one or two ops differ
_SOME, _FEW = 3, 2
_LAYERS = 6  # siblings that make a slip of a layer that is too much or missing
_TRIED = 8  # shapes at one place that are compared at most


@dataclass(frozen=True, slots=True)
class OddShape:
    """A segment, its siblings, and in what its graph differs from the nearest one's."""

    number: int
    siblings: tuple[int, ...]
    difference: Difference


def odd_shapes(
    describer: Describer, descriptions: Sequence[Description], places: Sequence[Place]
) -> Iterator[OddShape]:
    """The segments whose graph differs from what stands in their place elsewhere."""
    of = grouped([d.shape for d in descriptions], places)
    neighbours = _Neighbours(places, descriptions)
    for alone in of.values():
        if len(alone.members) > 1:
            continue
        number = alone.members[0]
        found = [
            (of[shape], difference(describer, (number, descriptions[number]), (near, descriptions[near])))
            for shape in _near(descriptions, of, number, neighbours.expected(number))
            for near in [of[shape].nearest(number)]
        ]
        if not found:
            continue
        siblings, unlike = min(found, key=lambda pair: (pair[1].size, -len(pair[0].members)))
        if _is_odd(describer.cut.net, unlike, places[number], siblings):
            yield OddShape(number, tuple(siblings.members), unlike)


class _Neighbours:
    """Which shapes stand behind a block, and before one, by what it is like; at the ends of rows and runs, too."""

    def __init__(self, places: Sequence[Place], descriptions: Sequence[Description]) -> None:
        self.places = places
        behind: dict[object, Counter[int]] = {}
        before: dict[object, Counter[int]] = {}
        for place, d in zip(places, descriptions, strict=True):
            behind.setdefault(place.before, Counter())[d.shape] += 1
            before.setdefault(place.behind, Counter())[d.shape] += 1
        self.behind, self.before = _frequent(behind), _frequent(before)

    def expected(self, number: int) -> tuple[int, ...]:
        """The shapes that stand in the place of a segment elsewhere, the most frequent of each side first."""
        place = self.places[number]
        return tuple(dict.fromkeys((*self.behind[place.before], *self.before[place.behind])))


def _frequent(counted: Mapping[object, Counter[int]]) -> dict[object, list[int]]:
    return {like: [shape for shape, _ in shapes.most_common(_TRIED)] for like, shapes in counted.items()}


def _near(
    descriptions: Sequence[Description], of: Mapping[int, Siblings], number: int, expected: Sequence[int]
) -> Iterator[int]:
    """Those of the expected shapes whose ops are nearly the segment's."""
    own = descriptions[number].kinds
    for shape in expected:
        theirs = descriptions[of[shape].members[0]].kinds
        if shape != descriptions[number].shape and ((own - theirs) + (theirs - own)).total() <= _SMALL:
            yield shape


def _is_odd(net: Net, unlike: Difference, here: Place, siblings: Siblings) -> bool:
    """Whether a difference at this place is a slip rather than a design."""
    if unlike.size > _SMALL:
        return False
    if unlike.is_sign:
        return True
    n = len(siblings.members)
    ops = (*unlike.extra, *unlike.missing)
    bare = bool(ops) and all(op.type in LAYOUT for op in ops)
    if n < (_SOME if bare else _VOTES) or here.is_first or not _is_usual_end(here, siblings):
        return False
    before, behind = siblings.around(here)
    layers = any(is_layer(net, op) for op in ops)
    if before and behind:
        return not layers or n >= _LAYERS
    if layers or here.is_last and n < _MANY:
        return False
    return _is_plain(unlike, n, before) if ops else before and not here.is_last and _is_few(unlike, n)


def _is_plain(unlike: Difference, siblings: int, before: bool) -> bool:
    """Whether ops that a first or last layer has or lacks are none that one has or lacks on purpose."""
    ops = (*unlike.extra, *unlike.missing)
    few = before and _is_few(unlike, siblings)
    return siblings >= _MANY or few or all(op.type in ACTIVATIONS for op in ops)


def _is_few(unlike: Difference, siblings: int) -> bool:
    return siblings >= _SOME and unlike.size <= _FEW and not unlike.is_elsewhere


def _is_usual_end(here: Place, siblings: Siblings) -> bool:
    """Where the segment begins or ends a row or a run: whether siblings do so, too."""
    begins = here.before not in (ROW, RUN) or siblings.before[here.before] > 0
    if here.behind not in (ROW, RUN):
        return begins
    return begins and (siblings.behind[here.behind] > 0 or not here.is_last and siblings.runs[here.run] >= _VOTES)
