"""The line on which each key of a TOML file stands; tomllib tells values only, and what is wrong is to be found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Lines = Mapping[tuple[str, ...], int]
"""Lines from 1 by the names of tables and the key. Tables of an array share their names: the number comes with the name."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|\#.*""")


def lines(text: str) -> Lines:
    """Where each key and each table stands. Keys inside of one line's value stand where that begins."""
    found: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in _outside_values(text):
        header = _HEADER.match(line)
        if header:
            table = tuple(_parts(header[2]))
            if header[1] == "[[":
                at = counts[table] = counts.get(table, -1) + 1
                found.setdefault(table, number)
                table = (*table, str(at))
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
    return found


def line_of(found: Lines, path: tuple[str, ...]) -> int | None:
    """The line of a key, else of the nearest table above it that has one."""
    return next((found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in found), None)


def _parts(name: str) -> Iterator[str]:
    return (part.strip("\"'") for part in _PART.findall(name))


def _outside_values(text: str) -> Iterator[tuple[int, str]]:
    """The lines that do not lie inside a list, or a string of several lines, that began before them."""
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if quote in line else quote
            continue
        if not depth:
            yield number, line
        key = _KEY.match(line)
        value = key[2] if key and not depth else line if depth else ""
        quote = next((q for q in ('"""', "'''") if value.count(q) == 1), "")
        bare = _STRING.sub("", value)
        depth = max(0, depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"))
