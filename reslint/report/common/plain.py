"""Text from a model file in, the same text with nothing in it that a terminal obeys out."""

from __future__ import annotations

import unicodedata

# Cc control characters (ANSI codes among them), Cf invisible ones (bidi overrides), Cs lone surrogates, Zl/Zp line breaks.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FORBIDDEN = frozenset("\ufffe\uffff")  # no character at all; XML and with it SVG refuses them
_LONGEST = 300


def plain(text: str) -> str:
    """The text on one line, cut where it is endless; control, invisible and direction-changing characters as escapes."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _OBEYED or c in _FORBIDDEN else c for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
