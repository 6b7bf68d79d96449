"""Places and text in, pieces of SVG out; text from a model is escaped here and nowhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from html import escape

from reslint.anatomy import Kind
from reslint.report.common.plain import plain

_ADVANCE = 0.61
"""The width of a character of a monospaced font, as a part of its size."""

STYLE = """\
text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328 }
.ground { fill: #ffffff } .dim { fill: #59636e } .bad { fill: #cf222e } .bold { font-weight: bold }
.stream, .cut, .fork, .merge, .box, .sign { stroke: #1f2328 } .stream, .skip, .arc { fill: none }
.stream { stroke-width: 2 } .skip { stroke: #818b98; stroke-dasharray: 3 3 } .fold { fill: #eff2f5; stroke: #d1d9e0 }
.fork { fill: #1f2328 } .box, .merge, .sign { fill: #ffffff } .box.found { stroke: #cf222e; stroke-width: 2.5 }
.badge { fill: #cf222e } .badge + text { fill: #ffffff }
.arc { stroke-width: 2 } .identity { stroke: #1f2328 } .projection { stroke: #0550ae; stroke-width: 3 }
.scaled { stroke: #8250df; stroke-dasharray: 8 4 } .gated { stroke: #9a6700; stroke-dasharray: 2 3 }
.dense { stroke: #1a7f37; stroke-width: 6 } .dense + .arc { stroke: #ffffff; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .ground, .box, .merge, .sign { fill: #0d1117 } .dim { fill: #9198a1 } .bad { fill: #ff7b72 }
.stream, .cut, .fork, .merge, .box, .sign, .identity { stroke: #f0f6fc } .fold { fill: #151b23; stroke: #3d444d }
.fork { fill: #f0f6fc } .skip { stroke: #656c76 } .box.found { stroke: #ff7b72 } .badge { fill: #ff7b72 }
.badge + text { fill: #0d1117 }
.projection { stroke: #58a6ff } .scaled { stroke: #d2a8ff } .gated { stroke: #e3b341 }
.dense { stroke: #56d364 } .dense + .arc { stroke: #0d1117 }
}"""

WORDS: Mapping[Kind, str] = {Kind.SCALED: "×", Kind.GATED: "gate"}
"""What stands on a shortcut to tell its kind; a projection says what it does."""


def safe(text: str) -> str:
    """Text from anywhere as text of an XML document."""
    return escape(plain(text))


def width(text: str, size: float) -> float:
    """How wide a text is drawn; Chinese, Japanese and Korean characters take two places."""
    return size * _ADVANCE * sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in plain(text))


def text(x: float, y: float, says: str, *, size: float = 12, kind: str = "", anchor: str = "start") -> str:
    """A line of text at its baseline."""
    named = f' class="{kind}"' if kind else ""
    put = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{named}{put}>{safe(says)}</text>'


def box(x: float, y: float, wide: float, high: float, kind: str, radius: float = 4) -> str:
    """A rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="{radius:g}" class="{kind}"/>'


def line(path: str, kind: str) -> str:
    """A path."""
    return f'<path d="{path}" class="{kind}"/>'


def arrow(x: float, y: float) -> str:
    """The end of a stream, pointing right at (x, y)."""
    return line(f"M{x - 6:g} {y - 4:g}L{x:g} {y:g}L{x - 6:g} {y + 4:g}", "stream")


def shortcut(kind: Kind, left: float, right: float, y: float, rise: float, says: str) -> Iterator[str]:
    """A way around what lies between two points on the stream; each kind can be told without its colour, too."""
    top = y - rise
    bend = f"M{left:g} {y:g}V{top + 8:g}q0 -8 8 -8H{right - 8:g}q8 0 8 8V{y:g}"
    yield line(bend, f"arc {kind}")
    if kind is Kind.DENSE:
        yield line(bend, "arc")  # hollows the first line out: two lines that run side by side
    if says:
        wide = width(says, 10) + 8
        yield box((left + right - wide) / 2, top - 7, wide, 14, "sign", 7 if kind is Kind.SCALED else 2)
        yield text((left + right) / 2, top + 3.5, says, size=10, anchor="middle")


def merge(kind: Kind, x: float, y: float) -> str:
    """Where the sides meet: a sum, a sum that a gate mixes, or a concatenation."""
    if kind is Kind.DENSE:
        return box(x - 7, y - 7, 14, 14, "merge", 0) + line(f"M{x - 2:g} {y - 4:g}v8M{x + 2:g} {y - 4:g}v8", "cut")
    plus = line(f"M{x - 4:g} {y:g}h8M{x:g} {y - 4:g}v8", "cut")
    if kind is Kind.GATED:
        return line(f"M{x - 10:g} {y:g}l10 -10l10 10l-10 10z", "merge") + plus
    return f'<circle cx="{x:g}" cy="{y:g}" r="7.5" class="merge"/>{plus}'


def badge(x: float, y: float) -> str:
    """The mark of a finding."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="7" class="badge"/>' + text(x, y + 4, "!", kind="bold", anchor="middle")
