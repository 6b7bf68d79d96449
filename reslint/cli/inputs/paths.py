"""Paths as they stand on the command line in, the model files they mean out."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reslint.cli.inputs.owners import is_data, owners
from reslint.config import Config

SEARCHED = (".onnx", ".onnxtxt", ".onnxtext")
"""What a search of a folder takes for a model. Other text formats have suffixes that not only ONNX uses."""


def models(paths: Sequence[str], config: Config) -> Mapping[str, str | None]:
    """The model files in order, each once; a path that leads to none stands there with the reason."""
    found: dict[str, str | None] = {}
    for path in paths:
        if config.factory(path) and (os.path.isfile(path) or not path.lower().endswith(".pt2")):
            found[path] = None
            continue
        here = dict.fromkeys(_expand(path, config))
        found.update(here or {path: _missing(path, config)})
    return dict(sorted(found.items()))


def _expand(path: str, config: Config) -> Iterator[str]:
    """The files that one argument means. One that is named outright is looked at, whatever `exclude` says."""
    if os.path.isfile(path):
        yield from owners(path)
    elif os.path.isdir(path):
        yield from _included(_search(path), config)
    elif glob.has_magic(path):
        for match in sorted(_matching(path)):
            yield from _included(_search(match) if os.path.isdir(match) else [os.path.normpath(match)], config)


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


def _search(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "CVS")
        paths = (os.path.normpath(os.path.join(here, f)) for f in files if f.lower().endswith(SEARCHED))
        # A link that leads nowhere is a model that is missing; a pipe or a device is none.
        yield from (path for path in paths if os.path.isfile(path) or not os.path.exists(path))


def _included(files: Iterable[str], config: Config) -> Iterator[str]:
    return (file for file in files if not config.excludes(file))


def _missing(path: str, config: Config) -> str:
    if os.path.isdir(path) or glob.has_magic(path):
        excluded = len(set(_expand(path, replace(config, exclude=()))))
        told = "the one model here is" if excluded == 1 else f"all {excluded} models here are"
        return f"{told} excluded by `exclude` in {config.file}" if excluded else "no model found here"
    if os.path.isfile(path) and is_data(path):
        return "is external data, and no model beside or above it names it"
    file, _, name = path.rpartition(":")
    if file.endswith(".py"):
        return f"is no module:factory; name a module as Python imports it, such as mypkg.{os.path.basename(file)[:-3]}:{name}"
    return "is neither a file nor a folder" if os.path.exists(path) else "no such file or folder"
