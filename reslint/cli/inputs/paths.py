"""Paths as they stand on the command line lead to model files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reslint.cli.inputs.owners import is_data, owners
from reslint.cli.inputs.search import search
from reslint.config import Config, fits
from reslint.remote.address import is_remote


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the models that a folder or a glob holds are wanted.

    `exclude` are globs of the command line, as seen from the current folder. `everything` takes in what git ignores, too,
    and `unlimited` what is excluded.
    """

    config: Config
    exclude: tuple[str, ...] = ()
    everything: bool = False
    unlimited: bool = False

    def leaves_out(self, file: str) -> bool:
        """Whether an `exclude` fits a file."""
        return not self.unlimited and self._excluded(file)

    def _excluded(self, file: str) -> bool:
        return self.config.nearest(file).excludes(file) or fits(file, self.exclude, Path())


def models(paths: Sequence[str], wanted: Wanted) -> Mapping[str, str | None]:
    """The model files in order, each once; a path that leads to none or can't be entered stands there with the reason."""
    found: dict[str, str | None] = {}
    for path in paths:
        if wanted.config.factory(path) and (os.path.isfile(path) or not path.lower().endswith(".pt2")):
            found[path] = None
            continue
        here: dict[str, str | None] = {}
        here.update(dict.fromkeys(_expand(path, wanted, here)))
        found.update(here or {path: _missing(path, wanted)})
    return dict(sorted(found.items()))


def _expand(path: str, wanted: Wanted, refused: dict[str, str | None]) -> Iterator[str]:
    """The files that one argument means; one that is named outright is looked at, whatever `exclude` says.

    Folders that can't be entered go to `refused`.
    """
    if is_remote(path):
        from reslint.remote.find import found  # local paths do without

        yield from _included(found(path, refused.__setitem__), wanted)
    elif os.path.isfile(path):
        yield from owners(path)
    elif os.path.isdir(path):
        yield from _included(_below(path, wanted, refused), wanted)
    elif glob.has_magic(path):
        for match in sorted(_matching(path)):
            below = _below(match, wanted, refused) if os.path.isdir(match) else [os.path.normpath(match)]
            yield from _included(below, wanted)


def _below(folder: str, wanted: Wanted, refused: dict[str, str | None]) -> Iterator[str]:
    return search(folder, refused.__setitem__, everything=wanted.everything)


def _matching(pattern: str) -> Sequence[str]:
    """What a glob means. As for a shell, hidden files and folders are passed by, and `**` follows no link: it may lead back."""
    parts = Path(pattern).parts
    if "**" not in parts:
        return glob.glob(pattern)
    first = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    above, below = Path(*parts[:first]), [part if part == "**" else part.replace("**", "*") for part in parts[first:]]
    hidden = any(part.startswith(".") for part in below)
    found = above.glob("/".join(below))
    return [str(path) for path in found if hidden or not any(p.startswith(".") for p in path.relative_to(above).parts)]


def _included(files: Iterable[str], wanted: Wanted) -> Iterator[str]:
    return (file for file in files if not wanted.leaves_out(file))


def _missing(path: str, wanted: Wanted) -> str:
    if is_remote(path):
        return "no model found here"
    if os.path.isdir(path) or glob.has_magic(path):
        return _left_out(path, wanted) or "no model found here"
    if os.path.isfile(path) and is_data(path):
        return "is external data, but no model beside or above it refers to it"
    file, _, name = path.rpartition(":")
    if file.endswith(".py"):
        return f"is not module:factory; name a module as Python imports it, such as mypkg.{os.path.basename(file)[:-3]}:{name}"
    return "is neither a file nor a folder" if os.path.exists(path) else "no such file or folder"


def _left_out(path: str, wanted: Wanted) -> str:
    """Why none of the models that are there is looked at; empty where there is none."""
    there = set(_expand(path, replace(wanted, everything=True, unlimited=True), {}))
    if not there:
        return ""
    told = "the one model here is" if len(there) == 1 else f"all {len(there)} models here are"
    if not all(map(wanted.leaves_out, there)):
        return f"{told} ignored by git, or created or installed by a tool; --no-ignore includes them"
    by = (
        "--exclude"
        if all(fits(file, wanted.exclude, Path()) for file in there)
        else f"`exclude` in {wanted.config.file}"
    )
    return f"{told} excluded by {by}"
