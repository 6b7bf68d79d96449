"""Notes on weights that could not be read in, fewer notes out: many of one manner become one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_MANY = 4
_NAMED = 2
_EXTERNAL = re.compile(r"external data (?P<name>'.*') (?P<manner>is [a-zA-Z ]+).*", re.DOTALL)


def shortened(notes: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Who and what of each note; `24 files` and what they lack where so many lack their weights in the same manner."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, says in notes:
        found = _EXTERNAL.fullmatch(says)
        manner, name = (found["manner"], found["name"]) if found else (says, "")
        groups.setdefault(manner, []).append((path, says, name))
    for manner, group in groups.items():
        names = tuple(dict.fromkeys(name for _, _, name in group if name))
        if len(group) < _MANY or not names:
            yield from ((path, says) for path, says, _ in group)
            continue
        paths = dict.fromkeys(path for path, _, _ in group)
        who = f"{len(paths)} files" if len(paths) > 1 else group[0][0]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield who, f"external data {', '.join(names[:_NAMED])}{more} {manner}; these checks need only shapes"
