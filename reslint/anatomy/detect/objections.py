"""Why a merge that looks like a residual connection is none: a numbered table of the traps that real networks hold.

A merge has a *route* when one of its sides leads back, by steps that keep a stream recognisable, to a fork that feeds the other
side, too. Most routes make a residual connection. Each row below names a kind that doesn't, the role that the merge has
instead, and what is said of it. The first row that holds decides, so that order is part of the meaning of each: a row may
count on what those before it have dealt with. Scores of attention, say, are sums of two learned products (12 and 13), and
often of a vector that is spread (7); they are attention's, because 6 comes first. Where rows give one role, the more telling
reason comes first.

docs/objections.md shows, for each row, a graph on which it alone decides, and one near it on which nothing objects; and, for
each pair that overlaps in published networks with different roles, a graph on which the order decides. tests/test_objections.py
runs them all, and fails when a row is removed or two of such a pair are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from reslint.anatomy.detect import grounds
from reslint.anatomy.detect.grounds import Candidate
from reslint.anatomy.values import Role


class Objection(NamedTuple):
    """One trap: its number and name, what it looks for, the role that it gives the merge, and what is said of it.

    `in_shortcut` marks what lies in the shortcut's own steps: a shortcut that is the stream itself has none to object to.
    """

    number: int
    name: str
    holds: Callable[[Candidate], bool]
    role: Role
    reason: str
    in_shortcut: bool = False


TO_SUMS = (
    Objection(1, "no-work", grounds.does_no_work, Role.ARITHMETIC, "nothing between fork and merge learns or gathers"),
    Objection(2, "gate-arithmetic", grounds.becomes_gate, Role.ARITHMETIC, "gate arithmetic"),
    Objection(
        3,
        "attention-output",
        grounds.projects_in_attention,
        Role.ATTENTION,
        "a term of an attention's output",
        in_shortcut=True,
    ),
    Objection(4, "gating", grounds.gates, Role.CONDITION, "one side only gates the other", in_shortcut=True),
    Objection(
        5,
        "other-slices",
        grounds.takes_other_slices,
        Role.SLICES,
        "the sides are different parts of one tensor",
        in_shortcut=True,
    ),
    Objection(6, "attention-scores", grounds.becomes_attention, Role.ATTENTION, "a term of attention scores"),
    Objection(7, "spread-vector", grounds.spreads_vector, Role.CONDITION, "a vector is spread over the stream"),
    Objection(8, "decoder-joint", grounds.joins_resolutions, Role.UNET, "joins across a change of resolution"),
    Objection(
        9,
        "brought-to-size",
        grounds.is_brought_to_size,
        Role.FPN,
        "one side is brought to the size of the other",
        in_shortcut=True,
    ),
    Objection(
        10,
        "down-and-up",
        grounds.goes_down_and_up,
        Role.FUSE,
        "the shortcut goes down and up by itself",
        in_shortcut=True,
    ),
    Objection(11, "longer-sum", grounds.is_term, Role.FUSE, "a term of a longer sum", in_shortcut=True),
    Objection(
        12,
        "condition",
        grounds.is_condition,
        Role.CONDITION,
        "a condition is added to stream after stream",
        in_shortcut=True,
    ),
    Objection(13, "linear", grounds.is_linear, Role.FUSE, "both sides are linear in their input", in_shortcut=True),
    Objection(
        14, "two-branches", grounds.works_on_both_sides, Role.FUSE, "both sides do learned work", in_shortcut=True
    ),
)
"""What is objected to a route between the sides of a sum, in the order in which it decides."""

ROW_OF_BLOCKS = Objection(
    20, "row-of-blocks", grounds.holds_row_of_blocks, Role.UNET, "joins two ends of a row of other blocks"
)

TO_CONCATENATIONS = (
    Objection(15, "part-with-work", grounds.works_on_part, Role.BRANCH, "each part does work of its own"),
    Objection(16, "parts-of-slices", grounds.is_all_slices, Role.BRANCH, "the parts are made of different slices"),
    Objection(17, "nothing-learned", grounds.learns_nothing, Role.ARITHMETIC, "nothing learned between the parts"),
    Objection(18, "gated-part", grounds.only_gates, Role.CONDITION, "one part only gates another"),
    Objection(19, "encoder-joint", grounds.changes_resolution, Role.UNET, "joins across a change of resolution"),
    ROW_OF_BLOCKS,
)
"""What is objected to a route between the parts of a concatenation, in the order in which it decides."""


def to_sum(candidate: Candidate) -> Objection | None:
    """The first objection to a route between the sides of a sum, None where it makes a residual connection."""
    return _first(TO_SUMS, candidate)


def to_concatenation(candidate: Candidate) -> Objection | None:
    """The first objection to a route between the parts of a concatenation, None where it makes a dense connection."""
    return _first(TO_CONCATENATIONS, candidate)


def _first(rows: tuple[Objection, ...], candidate: Candidate) -> Objection | None:
    is_stream = not candidate.route.steps  # as most shortcuts are
    return next((row for row in rows if not (is_stream and row.in_shortcut) and row.holds(candidate)), None)
