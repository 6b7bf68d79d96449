"""How a block looks in, its drawing out: the branch on its stream, the shortcut above it, the merge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reslint.anatomy import Kind
from reslint.finding import Severity
from reslint.report.common.svg_pieces import WORDS, badge, box, line, merge, shortcut, text, width

HIGH, STREAM = 82, 60  # of a drawing, and where its stream runs
_RISE = 40  # of the shortcut over the stream
_CELL = 46  # of a block, beside its box
_LONGEST = 26  # characters in a box


@dataclass(frozen=True, slots=True)
class Look:
    """All that a block's drawing depends on."""

    kind: Kind
    word: str
    sign: str
    normalization: str
    found: Severity | None


@dataclass(frozen=True, slots=True)
class Glyph:
    """A drawing that blocks of one look share, known by an id of its own in the whole page."""

    look: Look

    @property
    def id(self) -> str:
        """The same for the same look."""
        told = "\n".join(
            (self.look.kind, self.look.word, self.look.sign, self.look.normalization, f"{self.look.found or ''}")
        )
        return f"g{hashlib.sha256(told.encode('utf-8', 'backslashreplace')).hexdigest()[:10]}"

    @property
    def wide(self) -> int:
        """The width of the whole drawing."""
        return _CELL + self._box

    @property
    def high(self) -> int:
        """The height of the whole drawing."""
        return HIGH

    @property
    def drawn(self) -> Markup:
        """What is inside of the SVG element."""
        return Markup("".join(self._parts()))

    @property
    def _box(self) -> int:
        widest = max(width(self._word, 12), width(f"norm {self.look.normalization}", 10), width(self._sign, 10))
        return round(widest) + 14

    @property
    def _word(self) -> str:
        return cut(self.look.word, _LONGEST)

    @property
    def _sign(self) -> str:
        words = dict.fromkeys(word for word in (WORDS.get(self.look.kind, ""), self.look.sign) if word)
        return cut(" ".join(words), _LONGEST)

    def _parts(self) -> Iterator[str]:
        y, meet = STREAM, self._box + 32
        middle = 16 + self._box / 2
        yield line(f"M0 {y}H{self.wide}", "stream")
        yield from shortcut(self.look.kind, 6, meet, y, _RISE, self._sign)
        yield box(16, y - 18, self._box, 36, f"box found {self.look.found}" if self.look.found else "box")
        yield text(middle, y - 2, self._word, anchor="middle")
        yield text(middle, y + 12, f"norm {self.look.normalization}", size=10, kind="dim", anchor="middle")
        yield merge(self.look.kind, meet, y)
        if self.look.found:
            yield f'<g class="{self.look.found}">{badge(16, y - 18)}</g>'


def legend() -> Iterator[tuple[str, Markup]]:
    """A small drawing of each kind of shortcut."""
    for kind in Kind:
        says = WORDS.get(kind, "1x1" if kind is Kind.PROJECTION else "")
        parts = (line("M0 24H62", "stream"), *shortcut(kind, 4, 46, 24, 14, says), merge(kind, 46, 24))
        yield str(kind), Markup("".join(parts))


def cut(text: str, longest: int) -> str:
    """The text, its end left out where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
