"""A portrait and the findings in it in, what its picture shows out: rows of blocks, folded where they repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reslint.finding import Finding, Severity
from reslint.portrait import Portrait, Seen, Stretch
from reslint.report.anatomy.drawing import Repeat, folded
from reslint.report.common.plain import counted
from reslint.report.html.glyphs import Glyph, Look

_SHORT = 12  # characters that stand below any block


@dataclass(frozen=True, slots=True)
class Shown:
    """One block: its number, how it looks, what stands below it, and what is read out to who does not see it."""

    number: int
    glyph: Glyph
    name: str
    says: str
    rules: tuple[str, ...]

    @property
    def worst(self) -> Severity | None:
        """How bad the worst finding in it is."""
        return self.glyph.look.found


@dataclass(frozen=True, slots=True)
class Fold:
    """A few blocks that stand for `times` times as many."""

    blocks: tuple[Shown, ...]
    times: int

    @property
    def end(self) -> int:
        """The number of the first block behind all that it stands for."""
        return self.blocks[0].number + len(self.blocks) * self.times


@dataclass(frozen=True, slots=True)
class Row:
    """One stage; `joins` are the names of the stages that its stream comes from, where that is not the one above alone."""

    name: str
    out: str
    share: str
    folds: tuple[Fold, ...]
    begins: bool
    joins: tuple[str, ...]
    ends: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are shown, and those like them that follow."""

    shown: tuple[Row, ...]
    more: tuple[Row, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All rows of a model, and the glyphs that they are drawn with."""

    rows: tuple[Rows, ...]
    glyphs: tuple[Glyph, ...]


def where_found(seen: Portrait, findings: Sequence[Finding]) -> tuple[tuple[int, ...], ...]:
    """For each finding the numbers of the blocks that it and its related places stand in."""
    places: dict[str, int] = {}
    for number, block in enumerate(seen.blocks):
        places |= {step.tensor: number for step in (*block.shortcut, *block.branch, block.merge)}
    for number, block in enumerate(seen.blocks):
        for step in (block.merge, *block.shortcut, *block.branch):
            places.setdefault(step.node or step.tensor, number)
    at = ((places[name] for name in (f.tensor, *f.related) if name in places) for f in findings)
    return tuple(tuple(dict.fromkeys(numbers)) for numbers in at)


def picture(seen: Portrait, findings: Sequence[Finding]) -> Picture:
    """What to draw of a model."""
    marks: dict[int, tuple[str, ...]] = {}
    worst: dict[int, Severity] = {}
    for finding, numbers in zip(findings, where_found(seen, findings), strict=True):
        marks |= {number: tuple(dict.fromkeys((*marks.get(number, ()), finding.rule))) for number in numbers}
        worst |= {number: max(worst.get(number, finding.severity), finding.severity) for number in numbers}
    signs = [(_look(block, worst.get(n)), block.alike, marks.get(n)) for n, block in enumerate(seen.blocks)]
    rows = [_row(seen, number, signs, marks) for number in range(len(seen.stretches))]
    repeats = folded([tuple(signs[stretch.first : stretch.end]) for stretch in seen.stretches])
    glyphs = dict.fromkeys(Glyph(look) for look, *_ in signs)
    return Picture(tuple(_rows(rows, repeat) for repeat in repeats), tuple(glyphs))


def _rows(rows: Sequence[Row], repeat: Repeat) -> Rows:
    behind = repeat.first + repeat.size
    return Rows(tuple(rows[repeat.first : behind]), tuple(rows[behind : repeat.end]), repeat.times)


Sign = tuple[Look, str, tuple[str, ...] | None]


def _row(seen: Portrait, number: int, signs: Sequence[Sign], marks: Mapping[int, tuple[str, ...]]) -> Row:
    stretch = seen.stretches[number]
    joins = () if stretch.after in ((), (number - 1,)) else tuple(_name(seen.stretches[n], n) for n in stretch.after)
    return Row(
        _name(stretch, number),
        stretch.out,
        f"{stretch.macs / seen.macs:.0%}" if seen.macs else "",
        tuple(_folds(seen, stretch, signs, marks)),
        not stretch.after,
        joins,
        all(number not in other.after for other in seen.stretches),
    )


def _folds(
    seen: Portrait, stretch: Stretch, signs: Sequence[Sign], marks: Mapping[int, tuple[str, ...]]
) -> Iterator[Fold]:
    for repeat in folded(signs[stretch.first : stretch.end]):
        numbers = range(stretch.first + repeat.first, stretch.first + repeat.first + repeat.size)
        yield Fold(tuple(_shown(seen, stretch, n, signs[n][0], marks.get(n, ())) for n in numbers), repeat.times)


def _shown(seen: Portrait, stretch: Stretch, number: int, look: Look, rules: tuple[str, ...]) -> Shown:
    block = seen.blocks[number]
    told = [f"{block.kind} shortcut", f"branch {block.word}", f"norm {block.normalization}"]
    if rules:
        told.append(f"{counted(len(rules), 'finding')}: {', '.join(rules)}")
    return Shown(number, Glyph(look), short(block, stretch), ", ".join(told), rules)


def _name(stretch: Stretch, number: int) -> str:
    return stretch.module or f"stage {number + 1}"


def short(block: Seen, stretch: Stretch) -> str:
    """What tells a block from the others of its stage, where it is short with the last part of the stage's own name: `h.0`."""
    inside = block.merge.module.removeprefix(stretch.module).lstrip(".")
    here = stretch.module.rpartition(".")[2]
    if here and inside:
        return f"{here}.{inside}" if len(here) + len(inside) < _SHORT else inside
    return block.merge.module or block.merge.tensor


def _look(block: Seen, found: Severity | None) -> Look:
    return Look(block.kind, block.word, block.sign, block.normalization, found)
