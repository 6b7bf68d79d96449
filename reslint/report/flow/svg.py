"""A Report of measured gradients in, one SVG document with the curves of all models out: with the shortcuts, and all cut."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reslint.measure import GradientFlow, geometric
from reslint.report.common.labels import labels
from reslint.report.common.svg_pieces import STYLE, box, line, safe, text
from reslint.report.flow.text import LOSS, headline, notes
from reslint.result import Report

_MARGIN, _AXIS, _WIDE, _HIGH = 16, 60, 400, 240
_PANEL = _AXIS + _WIDE + _MARGIN
_TOP, _BELOW = 64, 52  # what stands over and under the curves of a model
_LABELS = 4  # powers of ten that are named on an axis, about

_OWN = """
.grid { stroke: #d1d9e0; fill: none } .kept, .cut { fill: none; stroke-width: 2 } .kept { stroke: #0550ae }
.cut { stroke: #bc4c00; stroke-dasharray: 6 4 } .band { opacity: 0.18 } .band.of-kept { fill: #0550ae }
.band.of-cut { fill: #bc4c00 }
@media (prefers-color-scheme: dark) { .grid { stroke: #3d444d } .kept { stroke: #58a6ff } .cut { stroke: #ffa657 }
.band.of-kept { fill: #58a6ff } .band.of-cut { fill: #ffa657 } }"""


@dataclass(frozen=True, slots=True)
class _Curve:
    """The norms at each block, one for each seed."""

    kind: str
    norms: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class _Panel:
    """Where the curves of one quantity stand; `low` and `high` are the powers of ten at its edges."""

    x: float
    y: float
    low: int
    high: int
    blocks: int

    def at(self, block: int) -> float:
        """The place of a block from left to right."""
        return self.x + (_WIDE * block / (self.blocks - 1) if self.blocks > 1 else _WIDE / 2)

    def level(self, norm: float) -> float:
        """The height of a norm."""
        return self.y + _HIGH * (self.high - math.log10(norm)) / (self.high - self.low)


def render(report: Report) -> str:
    """One document; models that could not be measured are left out."""
    parts: list[str] = []
    told: list[str] = []
    y = float(_MARGIN)
    for file in report.files:
        for flow in file.measured:
            if isinstance(flow, GradientFlow):
                parts += _model(file.path, flow, y)
                told += [f"{file.path}: {headline(flow)}", *notes(flow)]
                y += _TOP + _HIGH + _BELOW
    return _document(parts, told, 2 * _PANEL + _MARGIN, y)


def _document(parts: Sequence[str], told: Sequence[str], wide: float, high: float) -> str:
    """The parts in a frame that follows the reader's colour scheme, with the same in words for who can't see it."""
    size = f'width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
    says = "\n".join(safe(line) for line in told)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
            '<title id="title">Gradient at the residual blocks</title>',
            f'<desc id="desc">{says}</desc>',
            f"<style>{STYLE}{_OWN}</style>",
            box(0, 0, wide, high, "ground", 0),
            *parts,
            "</svg>\n",
        )
    )


def _model(path: str, flow: GradientFlow, y: float) -> Iterator[str]:
    """Two panels under a headline, and what tells the curves apart."""
    yield text(_MARGIN, y + 16, path, size=14, kind="bold")
    yield text(_MARGIN, y + 34, headline(flow), kind="dim")
    if not flow.passages:
        return
    passages = flow.passages
    inputs = _Curve("kept", tuple(p.kept.input for p in passages)), _Curve("cut", tuple(p.cut.input for p in passages))
    own = tuple(
        _Curve(kind, norms)
        for kind, norms in (
            ("kept", tuple(p.kept.parameters for p in passages)),
            ("cut", tuple(p.cut.parameters for p in passages)),
        )
    )
    names = labels([p.block.merge for p in passages])
    for at, (says, curves) in enumerate((("norm at the block's input", inputs), ("norm over its parameters", own))):
        yield from _panel(says, curves, names, _MARGIN + _AXIS + at * _PANEL, y + _TOP)
    yield from _legend(y + _TOP + _HIGH + 38)


def _panel(says: str, curves: Sequence[_Curve], names: Sequence[str], x: float, y: float) -> Iterator[str]:
    shown = [norm for curve in curves for norms in curve.norms for norm in norms if _drawn(norm)]
    low, high = (math.floor(math.log10(min(shown))), math.ceil(math.log10(max(shown)))) if shown else (0, 1)
    panel = _Panel(x, y, low, max(high, low + 1), len(names))
    yield text(x, y - 8, says)
    step = math.ceil((panel.high - panel.low) / _LABELS)
    for power in range(panel.low, panel.high + 1, step):
        level = panel.level(10.0**power)
        yield line(f"M{x:g} {level:g}h{_WIDE}", "grid")
        yield text(x - 6, level + 4, f"1e{power}" if power else "1", anchor="end", kind="dim")
    yield text(x, y + _HIGH + 16, names[0], kind="dim")
    if len(names) > 1:
        yield text(x + _WIDE, y + _HIGH + 16, names[-1], kind="dim", anchor="end")
    for curve in curves:
        yield from _curve(panel, curve)


def _curve(panel: _Panel, curve: _Curve) -> Iterator[str]:
    """The geometric mean over the seeds, and the range of all in a band; what is zero or not finite leaves a gap."""
    for run in _runs(curve):
        tops = [f"{panel.at(b):g} {panel.level(max(curve.norms[b])):g}" for b in run]
        bottoms = [f"{panel.at(b):g} {panel.level(min(curve.norms[b])):g}" for b in reversed(run)]
        means = [f"{panel.at(b):g} {panel.level(geometric(curve.norms[b])):g}" for b in run]
        yield line(f"M{'L'.join((*tops, *bottoms))}z", f"band of-{curve.kind}")
        yield line(f"M{'L'.join(means)}" + ("h0.1" if len(means) == 1 else ""), curve.kind)


def _runs(curve: _Curve) -> Iterator[list[int]]:
    """The blocks in a row that can be drawn."""
    run: list[int] = []
    for block, norms in enumerate(curve.norms):
        if all(map(_drawn, norms)):
            run.append(block)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _drawn(norm: float) -> bool:
    return math.isfinite(norm) and norm > 0


def _legend(y: float) -> Iterator[str]:
    x = _MARGIN + _AXIS
    for kind, says in (("kept", "with the shortcuts"), ("cut", "all shortcuts cut")):
        yield line(f"M{x:g} {y - 4:g}h36", kind)
        yield text(x + 44, y, says)
        x += 200
    yield text(x, y, f"of {LOSS.partition(';')[0]}", size=10, kind="dim")
