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
from reslint.anatomy.regularity.places import ROW, RUN, Place
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
    of: dict[int, list[int]] = {}
    for number, d in enumerate(descriptions):
        of.setdefault(d.shape, []).append(number)
    neighbours = _Neighbours(places, descriptions)
    for members in of.values():
        number = members[0]
        if len(members) > 1:
            continue
        found = [
            OddShape(number, tuple(of[shape]), difference(describer, (number, descriptions[number]), near))
            for shape in _near(descriptions, of, number, neighbours.expected(number))
            for near in [_nearest(descriptions, of[shape], number)]
        ]
        best = min(found, key=lambda odd: (odd.difference.size, -len(odd.siblings)), default=None)
        if best is not None and _is_odd(describer.cut.net, best, places):
            yield best


class _Neighbours:
    """Which shapes stand behind a shape, and before one; at the ends of rows and runs, too."""

    def __init__(self, places: Sequence[Place], descriptions: Sequence[Description]) -> None:
        self.places = places
        self.behind: dict[object, Counter[int]] = {}
        self.before: dict[object, Counter[int]] = {}
        for place, d in zip(places, descriptions, strict=True):
            self.behind.setdefault(place.before, Counter())[d.shape] += 1
            self.before.setdefault(place.behind, Counter())[d.shape] += 1

    def expected(self, number: int) -> list[int]:
        """The shapes that stand in the place of a segment elsewhere, the most frequent first."""
        place = self.places[number]
        counted = self.behind[place.before] + self.before[place.behind]
        return [shape for shape, _ in counted.most_common()]


def _near(
    descriptions: Sequence[Description], of: Mapping[int, Sequence[int]], number: int, expected: Sequence[int]
) -> Iterator[int]:
    """Those of the expected shapes whose ops are nearly the segment's."""
    own = descriptions[number].kinds
    tried = 0
    for shape in expected:
        if shape == descriptions[number].shape or tried == _TRIED:
            continue
        tried += 1
        theirs = descriptions[of[shape][0]].kinds
        if ((own - theirs) + (theirs - own)).total() <= _SMALL:
            yield shape


def _nearest(descriptions: Sequence[Description], members: Sequence[int], number: int) -> tuple[int, Description]:
    near = min(members, key=lambda n: abs(n - number))
    return near, descriptions[near]


def _is_odd(net: Net, odd: OddShape, places: Sequence[Place]) -> bool:
    """Whether a difference at this place is a slip rather than a design."""
    unlike, here, n = odd.difference, places[odd.number], len(odd.siblings)
    if unlike.size > _SMALL:
        return False
    if unlike.is_sign:
        return True
    ops = (*unlike.extra, *unlike.missing)
    bare = bool(ops) and all(op.type in LAYOUT for op in ops)
    if n < (_SOME if bare else _VOTES) or here.is_first or not _is_usual_end(odd, places):
        return False
    row = [k for k in odd.siblings if places[k].row == here.row]
    before, behind = any(places[k].at < here.at for k in row), any(places[k].at > here.at for k in row)
    layers = any(is_layer(net, op) for op in ops)
    if before and behind:
        return not layers or n >= _LAYERS
    if layers or here.is_last and n < _MANY:
        return False
    return _is_plain(unlike, n) if ops else before and not here.is_last and _is_few(unlike, n)


def _is_plain(unlike: Difference, siblings: int) -> bool:
    """Whether ops that a first or last layer has or lacks are none that one has or lacks on purpose."""
    ops = (*unlike.extra, *unlike.missing)
    return siblings >= _MANY or _is_few(unlike, siblings) or all(op.type in ACTIVATIONS for op in ops)


def _is_few(unlike: Difference, siblings: int) -> bool:
    return siblings >= _SOME and unlike.size <= _FEW and not unlike.is_elsewhere


def _is_usual_end(odd: OddShape, places: Sequence[Place]) -> bool:
    """Where the segment begins or ends a row or a run: whether siblings do so, too."""
    here = places[odd.number]
    begins = here.before not in (ROW, RUN) or any(places[k].before == here.before for k in odd.siblings)
    if here.behind not in (ROW, RUN):
        return begins
    ends = sum(places[k].behind == here.behind for k in odd.siblings)
    same = sum(places[k].run == here.run for k in odd.siblings)
    return begins and (ends > 0 or not here.is_last and same >= _VOTES)
