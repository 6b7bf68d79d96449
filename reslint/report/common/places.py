"""A finding in, the file and line that a reader can open out: the author's Python line, else the model."""

from __future__ import annotations

import hashlib
import linecache
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reslint.finding import Finding


@dataclass(frozen=True, slots=True)
class Place:
    """A file, a line in it, and the columns of its text, from 1, the end excluded.

    `inside` says that the file lies in the repository, and `file` is its path from the root.
    """

    file: str
    line: int
    inside: bool
    start: int = 1
    end: int = 2


def place(finding: Finding, root: Path) -> Place:
    """The line of Python where it is known and in the repository, else the model file, of which the first line stands for all.

    What a model says about its source is a claim: a path that leaves the repository, or a line that is not there, is not
    shown.
    """
    if finding.file and finding.line:
        for candidate in (root / finding.file, Path(finding.file)):
            for inside in _inside(candidate, root):
                text = linecache.getline(str(candidate), finding.line).rstrip()
                if text:
                    start = len(text) - len(text.lstrip()) + 1
                    return Place(inside, finding.line, inside=True, start=start, end=len(text) + 1)
    return model_place(finding.path, root)


def model_place(path: str, root: Path) -> Place:
    """Where a model file lies."""
    for inside in _inside(Path(path), root):
        return Place(inside, 1, inside=True)
    return Place(Path(path).as_posix(), 1, inside=False)


def identity(finding: Finding) -> str:
    """A finding's fingerprint among those of all models: like models have like findings."""
    key = f"{Path(finding.path).as_posix()}\n{finding.fingerprint}"
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _inside(path: Path, root: Path) -> Iterator[str]:
    """The path from the root, where a file is there and links don't lead it away."""
    try:
        found = path.is_file() and path.resolve().is_relative_to(root.resolve())
    except (OSError, ValueError):  # a name that no file can have: too long, or with a null in it
        return
    if found:
        seen = Path(os.path.relpath(os.path.abspath(path), os.path.abspath(root)))
        if ".." not in seen.parts:
            yield seen.as_posix()
