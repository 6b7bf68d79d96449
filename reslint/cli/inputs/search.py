"""The model files of a folder: what git ignores and what tools make or install is passed by, as ruff does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SEARCHED = (".onnx", ".onnxtxt", ".onnxtext")
"""What a search of a folder takes for a model. Other text formats have suffixes that not only ONNX uses."""

PASSED_BY = frozenset(
    {"__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "CVS"}
)
"""Folders of what tools make or install (ruff's defaults); hidden ones and virtual environments are passed by as well."""

Patterns: TypeAlias = "tuple[tuple[Path, GitIgnoreSpec], ...]"
"""Folders with the patterns of their .gitignore, the innermost first."""

Told = Callable[[str, str], None]
"""Takes a path that could not be entered, and why."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Whether git ignores what lies below a folder that was named.

    Where git ignores that folder itself, only the patterns inside of it count: who names it wants to see it.
    """

    top: Path
    inside_only: bool
    patterns: Callable[[Path], Patterns]

    def file(self, path: str) -> bool:
        """Whether the nearest pattern that fits a file ignores it (gitignore, the last pattern of the innermost file)."""
        return self._decided(Path(os.path.abspath(path)), "")

    def folder(self, path: str) -> bool:
        """The same of a folder, below which git then looks no more."""
        return self._decided(Path(os.path.abspath(path)), "/")

    def _decided(self, path: Path, end: str) -> bool:
        for base, spec in self.patterns(path.parent):
            if self.inside_only and not base.is_relative_to(self.top):
                return False
            said = spec.check_file(path.relative_to(base).as_posix() + end).include
            if said is not None:
                return said
        return False


def _ignored(top: Path) -> Ignored:
    patterns = cache(_patterns)  # each file is read once in a search
    outside = Ignored(top, inside_only=False, patterns=patterns)
    inside_only = any(outside.folder(str(above)) for above in (top, *top.parents[:-1]))
    return Ignored(top, inside_only, patterns)


def _patterns(folder: Path) -> Patterns:
    """The patterns that apply in a folder, the innermost first, up to the top of its repository."""
    found: list[tuple[Path, GitIgnoreSpec]] = []
    for base in (folder, *folder.parents):
        top = os.path.exists(base / ".git")  # False, too, in a folder that can't be entered
        files = (base / ".gitignore", base / ".git" / "info" / "exclude") if top else (base / ".gitignore",)
        found.extend((base, spec) for file in files if (spec := _spec(file)))
        if top:
            return tuple(found)
    return _outside_git(found, folder)


def _outside_git(found: list[tuple[Path, GitIgnoreSpec]], folder: Path) -> Patterns:
    """Where there is no repository, only a folder's own file counts: one far above is somebody else's."""
    return tuple((base, spec) for base, spec in found if base == folder)


def _spec(file: Path) -> GitIgnoreSpec | None:
    if not os.path.isfile(file):  # a pipe would be waited for
        return None
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec  # takes as long as click, and most folders have no such file

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:  # git itself passes by a pattern that it can't read
        return GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def search(folder: str, told: Told, *, everything: bool = False) -> Iterator[str]:
    """The models below a folder, in order; with `everything` also those that git ignores or that tools made or installed."""
    ignored = _ignored(Path(os.path.abspath(folder)))

    def refused(problem: OSError) -> None:
        told(os.path.normpath(str(problem.filename)), f"can't be searched: {problem.strerror or problem}")

    for here, folders, files in os.walk(folder, onerror=refused):
        folders[:] = sorted(f for f in folders if everything or not _is_passed_by(os.path.join(here, f), ignored))
        for name in sorted(files):
            path = os.path.normpath(os.path.join(here, name))
            if not name.lower().endswith(SEARCHED) or not everything and ignored.file(path):
                continue
            if os.path.isfile(path) or not os.path.exists(path):  # a link that leads nowhere is a model that is missing
                yield path
            elif not os.path.isdir(path):  # which a link may lead to
                told(path, "is a pipe or a device, and no model that could be read")


def _is_passed_by(path: str, ignored: Ignored) -> bool:
    name = os.path.basename(path)
    made = name in PASSED_BY or os.path.isfile(os.path.join(path, "pyvenv.cfg"))
    return name.startswith(".") or made or ignored.folder(path)
