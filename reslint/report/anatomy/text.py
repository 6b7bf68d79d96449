"""Dissected models in, for each a table that a person likes to read out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.views.source import module_of
from reslint.finding import Finding
from reslint.report.anatomy.stages import Stage, stages
from reslint.report.common.extent import dims
from reslint.report.common.plain import counted, plain
from reslint.result import Dissected

_WIDEST = 32
_LEGEND = {"P": "projection", "I": "identity", "S": "scaled", "G": "gated", "D": "dense"}
_HEADINGS = ("", "blocks", "out", "branch", "norm", "MAC", "finding")


def render(models: Iterable[Dissected], *, color: bool = False, verbose: bool = False) -> str:
    """All models, with an empty line between them; each is let go before the next one is read."""
    text = "\n".join("".join(f"{line}\n" for line in _model(model, verbose)) for model in models if model.anatomy)
    return text if color else click.unstyle(text)


def _model(model: Dissected, verbose: bool) -> Iterator[str]:
    found = model.anatomy
    if found is None:
        return
    yield f"{click.style(plain(model.path), bold=True)}: {_headline(found)}"
    rows = stages(found)
    drawn = () if all(row.formula for row in rows) else rows  # a table where one row at least needs its letters
    yield from _table(found, drawn, model.findings) if drawn else _formulas(rows)
    yield from _unplaced(drawn, model.findings)
    yield _depth(found)
    yield from _paths(found)
    yield f"other merges: {_merges(found)}"
    yield from _legend(drawn, model.findings)
    if verbose:
        yield from _reasons(found)


def _headline(found: Anatomy) -> str:
    parts = [counted(len(found.blocks), "residual block") if found.blocks else "no residual blocks"]
    if found.cost.params:
        parts.append(f"{_amount(found.cost.params).rstrip()} params")
    if found.cost.macs:
        parts.append(f"{_amount(found.cost.macs)}MAC")
    inputs = [found.net.shape(name) for name in found.net.inputs]
    fed = f" at {plain(dims(inputs[0], found.net))}" if inputs and inputs[0] else ""
    return " · ".join(parts) + fed


def _amount(number: int) -> str:
    for size, unit in ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number} "


def _formulas(rows: Sequence[Stage]) -> Iterator[str]:
    for row in rows:
        kinds = ", ".join(f"{kind} {number}" for kind, number in Counter(str(b.kind) for b in row.blocks).items())
        label = f"{plain(row.module)}: " if row.module else ""
        yield f"{label}{row.formula}  out {plain(row.out)}      {kinds}, period {row.period}"


def _table(found: Anatomy, rows: Sequence[Stage], findings: Sequence[Finding]) -> Iterator[str]:
    at = _at(findings)
    cells = [_HEADINGS, *(_cells(found, row, at) for row in rows)]
    widths = [max(map(len, column)) if any(column[1:]) else 0 for column in zip(*cells, strict=True)]
    for line in cells:
        shown = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True) if width)
        yield "  ".join(shown).rstrip()


def _cells(found: Anatomy, row: Stage, at: Mapping[str, Sequence[Finding]]) -> tuple[str, ...]:
    module = plain(row.module)
    return (
        module if len(module) <= _WIDEST else f"...{module[3 - _WIDEST :]}",
        row.letters(lambda block: block.merge.id in at),
        plain(row.out),
        plain(row.branch),
        row.normalization,
        _share(found, row),
        ", ".join(f"{_short(b, row)} {f.rule}" for b in row.blocks for f in at.get(b.merge.id, ())),
    )


def _at(findings: Sequence[Finding]) -> Mapping[str, Sequence[Finding]]:
    """The findings by the tensor that they stand at."""
    by: dict[str, list[Finding]] = {}
    for finding in findings:
        by.setdefault(finding.tensor, []).append(finding)
    return by


def _short(block: Block, row: Stage) -> str:
    """What tells a block from the others of its stage."""
    inside = (module_of(block.merge) or "").removeprefix(row.module)
    return plain(inside or block.merge.id)


def _share(found: Anatomy, row: Stage) -> str:
    """The part of the multiply-accumulates that a stage takes."""
    if not found.cost.by_op or not found.cost.macs:
        return ""
    macs = sum(found.cost.by_op.get(op.id, 0) for op in {op.id: op for op in row.ops}.values())
    return f"{100 * macs / found.cost.macs:.0f} %"


def _unplaced(rows: Sequence[Stage], findings: Sequence[Finding]) -> Iterator[str]:
    """The findings that no row of the table shows."""
    shown = {block.merge.id for row in rows for block in row.blocks}
    for finding in findings:
        if finding.tensor not in shown:
            yield f"!  {plain(finding.module or finding.node)}: {plain(finding.message)}  {finding.rule}"


def _depth(found: Anatomy) -> str:
    depth = found.depth
    line = f"depth: {counted(depth.weighted, 'weighted layer')}, {depth.residual} residual, {depth.ops} ops"
    return f"{line}; at most {counted(depth.longest_plain, 'layer')} that no shortcut bypasses"


def _paths(found: Anatomy) -> Iterator[str]:
    """How long the ways through the residual graph are; each block doubles their number (arXiv:1605.06431)."""
    paths = found.paths if found.blocks else None
    if paths is not None and paths.max > 0:
        shown = counted(paths.max, "weighted layer")
        yield f"paths: 2^{paths.log2_count:.3g} of {paths.min}..{shown}, mean {paths.mean:.3g}, most have {paths.mode}"


def _merges(found: Anatomy) -> str:
    roles = Counter(str(merge.role) for merge in found.merges)
    return ", ".join(f"{number} {role}" for role, number in roles.most_common()) or "none"


def _legend(rows: Sequence[Stage], findings: Sequence[Finding]) -> Iterator[str]:
    letters = {str(block.kind)[0].upper() for row in rows for block in row.blocks}
    signs = [f"{letter} {says}" for letter, says in _LEGEND.items() if letter in letters]
    if findings:
        signs.append("! finding")
    if any(row.normalization == "folded?" for row in rows):
        signs.append("folded?: no normalization left, perhaps folded into the weights")
    if signs:
        yield click.style("  ".join(signs), dim=True)


def _reasons(found: Anatomy) -> Iterator[str]:
    """Each merge, its role and why, in the order of the graph."""
    merges = [(b.net, b.merge, f"residual, {b.kind}", b.reason) for b in found.blocks]
    merges += [(m.net, m.op, str(m.role), m.reason) for m in found.merges]
    order = {id(net): rank for rank, net in enumerate(found.net.nets())}
    for _, op, role, reason in sorted(merges, key=lambda m: (order.get(id(m[0]), 0), m[1].place)):
        yield f"{plain(op.id)}  {plain(op.kind)}  {role}: {plain(reason)}"
