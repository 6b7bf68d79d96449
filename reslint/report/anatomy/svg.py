"""Dissected models in, a picture of their residual skeletons as one SVG document out: one row per stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.views.skeleton import has_final_norm, skeleton
from reslint.finding import Finding
from reslint.report.anatomy.drawing import Drawing, Unit, drawing, shortcut_word
from reslint.report.anatomy.stages import branch_word
from reslint.report.common.plain import counted, plain
from reslint.report.common.svg_pieces import (
    STYLE,
    WORDS,
    arrow,
    badge,
    box,
    line,
    merge,
    safe,
    shortcut,
    text,
    width,
)
from reslint.result import Dissected

_MARGIN = 16
_NAMES = 200  # where the streams start, right of the names of their rows
_WIDE = 1000  # a row that is longer goes on below
_HIGH = 122  # from stream to stream
_RISE = 40  # of a shortcut over its stream
_ABOVE, _BELOW = 54, 36  # what a row takes over and under its stream
_LANE = 8
_TURN = 14  # how far a stream goes beyond its row to turn to the next one
_CELL = 46  # of a block, beside its box
_LONGEST = 24  # characters of a name
_LISTED = 12  # findings


@dataclass(frozen=True, slots=True)
class _Line:
    """Units that are drawn side by side: a row, or a part of one that is long."""

    row: int
    units: tuple[Unit, ...]
    opens: bool
    ends: bool
    y: float

    def right(self, drawn: Drawing) -> float:
        """Where the stream leaves."""
        return _NAMES + sum(_unit_width(unit, drawn) for unit in self.units)


def render(models: Iterable[Dissected]) -> str:
    """One document with the models below each other; those that could not be read are left out."""
    parts: list[str] = []
    told: list[str] = []
    high, wide = float(_MARGIN), float(_NAMES)
    for model in models:
        if model.anatomy is None:
            continue
        told.append(f"{model.path}: {skeleton(model.anatomy) or 'no residual blocks'}")
        told += [f"{f.severity} {f.rule} at {f.module or f.node}: {f.message}" for f in model.findings]
        drawn, right, bottom = _model(model, high)
        parts += drawn
        high, wide = bottom + _MARGIN, max(wide, right)
    return _document(parts, told, wide + _MARGIN, high)


def picture(anatomy: Anatomy) -> str:
    """One model's skeleton, without findings."""
    return render((Dissected(str(anatomy.net.path), anatomy),))


def _document(parts: Sequence[str], told: Sequence[str], wide: float, high: float) -> str:
    """The parts in a frame that follows the reader's colour scheme, with the same in words for who can't see it."""
    size = f'width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
    says = "\n".join(safe(line) for line in told)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
            '<title id="title">Residual skeleton</title>',
            f'<desc id="desc">{says}</desc>',
            f"<style>{STYLE}</style>",
            box(0, 0, wide, high, "ground", 0),
            *parts,
            "</svg>\n",
        )
    )


def _model(model: Dissected, top: float) -> tuple[list[str], float, float]:
    """The picture of one model, and how far it reaches to the right and down."""
    drawn = drawing(model)
    lines = tuple(_lines(drawn, top + 30 + _ABOVE + 20))
    right = max((row.right(drawn) for row in lines), default=_NAMES)
    skips = tuple(_skips(drawn, lines, right + 2 * _TURN))
    bottom = lines[-1].y + _BELOW + 30 if lines else top + 40
    parts = [text(_MARGIN, top + 16, model.path, size=14, kind="bold")]
    for row in lines:
        parts += _line(drawn, row)
    parts += _turns(drawn, lines)
    parts += skips
    if lines and model.anatomy is not None and has_final_norm(model.anatomy):
        parts.append(text(lines[-1].right(drawn) + 2 * _TURN, lines[-1].y + 4, "final norm", kind="dim"))
        right = max(right, lines[-1].right(drawn) + 90)
    parts += _legend(drawn.kinds, bool(skips), bottom)
    parts += _findings(model, bottom + 26)
    bottom += 26 + 18 * min(len(model.findings), _LISTED + 1)
    longest = max((width(_told(f), 12) for f in model.findings[:_LISTED]), default=0.0)
    reach = max(right + 2 * _TURN + _LANE * len(skips), longest + 2 * _MARGIN, width(model.path, 14) + _MARGIN, 560)
    return parts, reach, bottom


def _lines(drawn: Drawing, y: float) -> Iterator[_Line]:
    """The rows from top to bottom, each in as many parts as the page needs."""
    for number, row in enumerate(drawn.rows):
        parts: list[list[Unit]] = [[]]
        room = float(_WIDE)
        for unit in row.units:
            wide = _unit_width(unit, drawn)
            if wide > room and parts[-1]:
                parts.append([])
                room = _WIDE
            parts[-1].append(unit)
            room -= wide
        for at, part in enumerate(parts):
            yield _Line(number, tuple(part), at == 0, at == len(parts) - 1, y)
            y += _HIGH


def _unit_width(unit: Unit, drawn: Drawing) -> float:
    return sum(_block_width(block, drawn) for block in unit.blocks) + 16 * (unit.times > 1)


def _block_width(block: Block, drawn: Drawing) -> float:
    named = drawn.named.get(block.merge.id, "")
    return max(_CELL + _box_width(block), width(named, 11) + 20 if named else 0)


def _box_width(block: Block) -> float:
    return max(width(branch_word(block), 12), width(f"norm {block.normalization}", 10), width(_sign(block), 10)) + 14


def _sign(block: Block) -> str:
    return " ".join(dict.fromkeys(word for word in (WORDS.get(block.kind, ""), shortcut_word(block)) if word))


def _line(drawn: Drawing, row: _Line) -> Iterator[str]:
    """One line: its name, its stream, and the blocks on it."""
    x, y = float(_NAMES), row.y
    if row.opens:
        yield from _name(drawn, row)
    for unit in row.units:
        wide = _unit_width(unit, drawn)
        if unit.times > 1:
            yield box(x + 4, y - _ABOVE, wide - 8, _ABOVE + _BELOW, "fold")
            yield text(x + wide - 6, y - _ABOVE - 4, f"× {unit.times}", kind="bold", anchor="end")
        yield line(f"M{x:g} {y:g}h{wide:g}", "stream")
        x += 8 * (unit.times > 1)
        for block in unit.blocks:
            yield from _block(block, x, y, drawn)
            x += _block_width(block, drawn)
        x += 8 * (unit.times > 1)


def _name(drawn: Drawing, row: _Line) -> Iterator[str]:
    stage = drawn.rows[row.row].stage
    name = plain(stage.module)
    name = name if len(name) <= _LONGEST else f"...{name[3 - _LONGEST :]}"
    times = [f"× {r.times}, {counted(r.size, 'row')}" for r in drawn.repeats if r.first == row.row]
    told = [(name, "bold"), (stage.out, "dim"), *((says, "bold") for says in times)]
    for at, (says, kind) in enumerate(pair for pair in told if pair[0]):
        yield text(_MARGIN, row.y - 4 + 16 * at, says, kind=kind)


def _block(block: Block, x: float, y: float, drawn: Drawing) -> Iterator[str]:
    """The branch on its stream, the shortcut above it, the merge; `x` is where the fork is."""
    found = block.merge.id in drawn.marks
    wide = _box_width(block)
    meet = x + wide + 32
    yield from shortcut(block.kind, x + 6, meet, y, _RISE, _sign(block))
    yield box(x + 16, y - 18, wide, 36, "box found" if found else "box")
    yield text(x + 16 + wide / 2, y - 2, branch_word(block), anchor="middle")
    yield text(x + 16 + wide / 2, y + 12, f"norm {block.normalization}", size=10, kind="dim", anchor="middle")
    yield merge(block.kind, meet, y)
    if found:
        yield badge(x + 16, y - 18)
    if block.merge.id in drawn.named:
        yield text(x + 10, y + 31, drawn.named[block.merge.id], size=11, kind="bad")


def _turns(drawn: Drawing, lines: Sequence[_Line]) -> Iterator[str]:
    """Where streams begin, turn to the line below, and leave."""
    start = _NAMES - _TURN
    for at, row in enumerate(lines):
        y, right = row.y, row.right(drawn)
        above = lines[at - 1] if at else None
        if above is not None and (not row.opens or above.row in drawn.rows[row.row].after):
            end, corner = above.right(drawn), y - _ABOVE - 20
            yield line(f"M{end:g} {above.y:g}h{_TURN}V{corner:g}H{start:g}V{y:g}H{_NAMES}", "stream")
        else:
            yield f'<circle cx="{start:g}" cy="{y:g}" r="3.5" class="fork"/>' + line(
                f"M{start:g} {y:g}H{_NAMES}", "stream"
            )
        if row.ends and drawn.ends(row.row):
            yield line(f"M{right:g} {y:g}h{_TURN}", "stream") + arrow(right + _TURN + 2, y)


def _skips(drawn: Drawing, lines: Sequence[_Line], lane: float) -> Iterator[str]:
    """The streams that pass over rows, each on a lane of its own at the right."""
    leaves = {row.row: row for row in lines if row.ends}
    enters = {row.row: row for row in lines if row.opens}
    for number, row in enumerate(drawn.rows):
        for before in row.after:
            if before == number - 1:
                continue
            here, there = leaves[before], enters[number]
            corner = there.y - _ABOVE - 24
            path = f"M{here.right(drawn) + 2:g} {here.y:g}H{lane:g}V{corner:g}H{_NAMES - _TURN - 4}V{there.y - 4:g}"
            yield line(path, "skip")
            lane += _LANE


def _legend(kinds: Sequence[Kind], skipping: bool, y: float) -> Iterator[str]:
    x = float(_MARGIN)
    for kind in kinds:
        yield line(f"M{x:g} {y:g}h46", "stream")
        yield from shortcut(kind, x, x + 46, y, 14, WORDS.get(kind, "1x1" if kind is Kind.PROJECTION else ""))
        yield merge(kind, x + 46, y)
        yield text(x + 62, y + 4, str(kind))
        x += 62 + width(str(kind), 12) + 24
    if skipping:
        yield line(f"M{x:g} {y:g}h46", "skip") + text(x + 54, y + 4, "passes over rows")


def _findings(model: Dissected, y: float) -> Iterator[str]:
    """What was found, below the picture."""
    for at, finding in enumerate(model.findings[:_LISTED]):
        yield text(_MARGIN, y + 18 * at, _told(finding), kind="bad")
    if len(model.findings) > _LISTED:
        more = counted(len(model.findings) - _LISTED, "more finding")
        yield text(_MARGIN, y + 18 * _LISTED, f"and {more}", kind="bad")


def _told(finding: Finding) -> str:
    return f"! {finding.module or finding.node}: {finding.severity} {finding.rule}"
