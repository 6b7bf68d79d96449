"""Dissected models in, their residual skeletons as graphs for graphviz out: one row per stage, one graph per model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reslint.anatomy import Block, Kind
from reslint.report.anatomy.drawing import Drawing, Row, Unit, drawing, shortcut_word
from reslint.report.anatomy.stages import branch_word
from reslint.report.common.plain import counted, plain
from reslint.result import Dissected

_STYLES: Mapping[Kind, str] = {
    Kind.IDENTITY: "style=solid, penwidth=1.6",
    Kind.PROJECTION: 'style=bold, arrowtail=box, dir=both, color="#0550ae"',
    Kind.SCALED: 'style=dashed, arrowtail=odot, dir=both, color="#8250df"',
    Kind.GATED: 'style=dotted, penwidth=2, arrowtail=odiamond, dir=both, color="#9a6700"',
    Kind.DENSE: 'color="#1a7f37:invis:#1a7f37"',
}
_WORDS: Mapping[Kind, str] = {Kind.SCALED: "scaled", Kind.GATED: "gated", Kind.DENSE: "dense"}
_SUM = 'shape=circle, width=0.2, fixedsize=true, margin=0, label="+"'
_MERGES: Mapping[Kind, str] = {
    Kind.DENSE: 'shape=square, width=0.2, fixedsize=true, margin=0, label="||"',
    Kind.GATED: 'shape=diamond, width=0.28, height=0.28, fixedsize=true, margin=0, label="+"',
}
_FOUND = 'color="#cf222e", fontcolor="#cf222e", penwidth=2'


def render(models: Iterable[Dissected]) -> str:
    """A digraph for each model that could be read."""
    return "\n".join("".join(f"{line}\n" for line in _graph(model)) for model in models if model.anatomy)


def quoted(text: str) -> str:
    """Text from anywhere as a quoted string of the DOT language: one line, no escapes, no entities, no HTML."""
    text = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text.replace("&", "&amp;")}"'


def _lines(*texts: str) -> str:
    """A quoted label of several centred lines."""
    return '"' + "\\n".join(quoted(text)[1:-1] for text in texts if text) + '"'


def _graph(model: Dissected) -> Iterator[str]:
    drawn = drawing(model)
    yield f"digraph {quoted(model.path)} {{"
    yield f"  label={_lines(model.path, *(_told(drawn)))}; labelloc=t; fontname=monospace; fontsize=14;"
    yield "  nodesep=0.25; ranksep=0.6; splines=true;"
    yield "  node [fontname=monospace, fontsize=11, shape=box, margin=0.08, height=0.3];"
    yield "  edge [fontname=monospace, fontsize=9, arrowsize=0.6];"
    for number, row in enumerate(drawn.rows):
        yield from _row(drawn, number, row)
    yield from _flow(drawn)
    yield "}"


def _told(drawn: Drawing) -> Iterator[str]:
    """The findings that no block shows."""
    yield from (f"! {f.rule} at {f.module or f.node}" for f in drawn.unplaced)
    if not drawn.rows:
        yield "no residual blocks"


def _row(drawn: Drawing, number: int, row: Row) -> Iterator[str]:
    """The nodes of a row stand side by side, the stage's name and width before them."""
    times = [f"{r.times} x the {counted(r.size, 'row')} from here" for r in drawn.repeats if r.first == number]
    yield f"  subgraph row{number} {{ rank=same;"
    yield f"    r{number} [shape=plaintext, label={_lines(row.stage.module, row.stage.out, *times)}];"
    yield f"    r{number}_0 [shape=point, width=0.06];"
    yield f"    r{number} -> r{number}_0 [style=invis];"
    at = 0
    for unit in row.units:
        yield from _unit(drawn, f"r{number}_", at, unit)
        at += _length(unit)
    yield "  }"


def _length(unit: Unit) -> int:
    """How many places of its row a unit takes; brackets take one each."""
    return len(unit.blocks) + 2 * (unit.times > 1)


def _unit(drawn: Drawing, row: str, at: int, unit: Unit) -> Iterator[str]:
    """The blocks of a unit from place `at` of its row on, in brackets where it repeats."""
    if unit.times > 1:
        yield from _bracket(row, at, f"{unit.times} x [")
        at += 1
    for block in unit.blocks:
        yield from _block(block, f"{row}{at}", f"{row}{at + 1}", drawn.marks.get(block.merge.id, ()))
        at += 1
    if unit.times > 1:
        yield from _bracket(row, at, "]")


def _bracket(row: str, at: int, sign: str) -> Iterator[str]:
    yield f'    {row}{at + 1} [shape=plaintext, margin=0.02, width=0, label="{sign}"];'
    yield f"    {row}{at} -> {row}{at + 1} [arrowhead=none, penwidth=1.6];"


def _block(block: Block, fork: str, merge: str, rules: tuple[str, ...]) -> Iterator[str]:
    """Branch, merge, and the shortcut that bends around the branch."""
    label = _lines(branch_word(block), f"norm {block.normalization}", *(f"! {rule}" for rule in rules))
    yield f"    {merge}_f [label={label}{', ' + _FOUND if rules else ''}];"
    yield f"    {merge} [{_MERGES.get(block.kind, _SUM)}];"
    yield f"    {fork} -> {merge}_f [arrowhead=none, penwidth=1.6];"
    yield f"    {merge}_f -> {merge} [penwidth=1.6];"
    word = " ".join(dict.fromkeys(w for w in (_WORDS.get(block.kind, ""), shortcut_word(block)) if w))
    yield f"    {fork} -> {merge} [{_STYLES[block.kind]}{f', label={quoted(word)}' if word else ''}];"


def _flow(drawn: Drawing) -> Iterator[str]:
    """The edges from row to row, and out of the model."""
    exits = [f"r{n}_{sum(_length(unit) for unit in row.units)}" for n, row in enumerate(drawn.rows)]
    for number, row in enumerate(drawn.rows):
        for before in row.after:
            near = "penwidth=1.6" if before == number - 1 else 'style=dashed, color="#6e7781"'
            yield f"  {exits[before]} -> r{number}_0 [{near}, weight=0];"
        if number:
            yield f"  r{number - 1} -> r{number} [style=invis, weight=99];"  # the names below each other
