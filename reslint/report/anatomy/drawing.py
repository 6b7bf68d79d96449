"""A dissected model in, what a picture of its skeleton shows out: rows of blocks, folded where they repeat."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.describe.signature import kernels, signature
from reslint.anatomy.graph.ops import CONVS, POOLING, is_learned, is_reduction
from reslint.finding import Finding
from reslint.net import Net
from reslint.report.anatomy.stages import Stage, branch_word, stages
from reslint.result import Dissected

_LONGEST = 4  # as many blocks, or rows, may be what repeats

Marks = Mapping[str, tuple[str, ...]]
"""The rules that found something in a block, by the block's merge."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A few blocks that repeat `times` times."""

    blocks: tuple[Block, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Row:
    """One stage, and the numbers of the rows that its stream comes `after`. Of rows that repeat the first ones are there."""

    stage: Stage
    units: tuple[Unit, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`size` things from `first` on stand for `times` times as many."""

    first: int
    size: int
    times: int

    @property
    def end(self) -> int:
        """The first thing behind."""
        return self.first + self.size * self.times


@dataclass(frozen=True, slots=True)
class Drawing:
    """The rows of a model from its inputs to its outputs, which of them repeat, and what was found where.

    Of blocks in a row in which the same rules found something, the first one is `named` after them.
    """

    rows: tuple[Row, ...]
    repeats: tuple[Repeat, ...]
    marks: Marks
    named: Mapping[str, str]
    unplaced: tuple[Finding, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of shortcut that are to be seen."""
        seen = {block.kind for row in self.rows for unit in row.units for block in unit.blocks}
        return tuple(kind for kind in Kind if kind in seen)

    def ends(self, number: int) -> bool:
        """Whether no row goes on with the stream of this one."""
        return all(number not in row.after for row in self.rows)


def drawing(model: Dissected) -> Drawing:
    """What to draw of a model; nothing where it has no residual blocks."""
    found = model.anatomy
    if found is None:
        return Drawing((), (), {}, {}, model.findings)
    places = dict(_places(found))
    at = [(finding, tuple(_blocks_of(finding, places))) for finding in model.findings]
    marks: dict[str, tuple[str, ...]] = {}
    for finding, merges in at:
        marks.update({merge: tuple(dict.fromkeys((*marks.get(merge, ()), finding.rule))) for merge in merges})
    drawn = stages(found)
    units = [tuple(_units(stage.blocks, marks)) for stage in drawn]
    repeats = tuple(folded([tuple(_sign(block, marks) for block in stage.blocks) for stage in drawn]))
    kept = [n for repeat in repeats for n in range(repeat.first, repeat.first + repeat.size)]
    rank = {n: at for at, n in enumerate(kept)}
    row_of = {n: rank[r.first + (n - r.first) % r.size] for r in repeats for n in range(r.first, r.end)}
    sources = stage_sources(found, drawn)
    rows = tuple(
        Row(drawn[n], units[n], tuple(sorted({row_of[s] for s in sources[n] if row_of[s] < row_of[n]}))) for n in kept
    )
    shown = tuple(Repeat(row_of[r.first], r.size, r.times) for r in repeats if r.times > 1)
    named = dict(pair for row in rows for pair in _names(row, marks))
    return Drawing(rows, shown, marks, named, tuple(finding for finding, merges in at if not merges))


def folded(signs: Sequence[Hashable]) -> Iterator[Repeat]:
    """What repeats in a row, from the left; of several ways to fold the one that takes in most, then the shortest."""
    first = 0
    while first < len(signs):
        ways = [Repeat(first, size, _times(signs, first, size)) for size in range(1, _LONGEST + 1)]
        best = max(ways, key=lambda way: (way.size * way.times if way.times > 1 else 1, -way.size))
        yield best
        first = best.end


def _times(signs: Sequence[Hashable], first: int, size: int) -> int:
    times = 1
    while signs[first : first + size] == signs[first + times * size : first + (times + 1) * size]:
        times += 1
    return times


def _units(blocks: Sequence[Block], marks: Marks) -> Iterator[Unit]:
    for repeat in folded([_sign(block, marks) for block in blocks]):
        yield Unit(tuple(blocks[repeat.first : repeat.first + repeat.size]), repeat.times)


def _names(row: Row, marks: Marks) -> Iterator[tuple[str, str]]:
    before: tuple[str, ...] = ()
    for block in (block for unit in row.units for block in unit.blocks):
        rules = marks.get(block.merge.id, ())
        if rules and rules != before:
            yield block.merge.id, ", ".join(rules)
        before = rules


def _sign(block: Block, marks: Marks) -> Hashable:
    """What is drawn alike. Dense blocks grow by their nature, so that what they do is enough."""
    made_of = "" if block.kind is Kind.DENSE else str(signature(block))
    return block.kind, block.normalization, branch_word(block), made_of, marks.get(block.merge.id)


def shortcut_word(block: Block) -> str:
    """What stands on a shortcut in a word: `1x1`, `linear`, `pool`."""
    words = (_word(block, at) for at in range(len(block.shortcut)))
    return " ".join(dict.fromkeys(word for word in words if word)) or ("proj" if block.kind is Kind.PROJECTION else "")


def _word(block: Block, at: int) -> str:
    op = block.shortcut[at]
    if op.type in CONVS:
        return " ".join(kernels(block.net, op))
    if is_learned(block.net, op):
        return "linear"
    return "pool" if op.type in POOLING and not is_reduction(op) else ""


def _places(found: Anatomy) -> Iterator[tuple[str, str]]:
    """The merge of the block that an op belongs to, by the op's node name and first output."""
    for block in found.blocks:
        for op in (*block.shortcut, *block.branch, block.merge):
            yield op.id, block.merge.id
        yield block.merge.name or block.merge.id, block.merge.id


def _blocks_of(finding: Finding, places: Mapping[str, str]) -> Iterator[str]:
    """The merges of the blocks in which a finding and its related places stand."""
    for name in (finding.tensor, *finding.related):
        if name in places:
            yield places[name]


def stage_sources(found: Anatomy, drawn: Sequence[Stage]) -> list[frozenset[int]]:
    """For each stage the stages whose merges are the nearest ones above its first fork."""
    stage_of = {block.merge.id: at for at, stage in enumerate(drawn) for block in stage.blocks}
    near: dict[int, dict[str, frozenset[int]]] = {id(net): _nearest(net, stage_of) for net in found.net.nets()}
    return [near[id(s.blocks[0].net)].get(s.blocks[0].fork, frozenset()) for s in drawn]


def _nearest(net: Net, stage_of: Mapping[str, int]) -> dict[str, frozenset[int]]:
    """For each tensor the stages whose merges feed it with no other merge between."""
    near: dict[str, frozenset[int]] = {}
    for op in net.live:
        if op.id in stage_of:
            above = frozenset({stage_of[op.id]})
        else:
            above = frozenset().union(*(near[name] for name in (*op.inputs, *op.captured) if name in near))
        near.update(dict.fromkeys(op.outputs, above))
    return near
