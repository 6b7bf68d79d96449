"""Globs of the configuration that fit no model any more: told, since what they were meant for goes unnoticed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from reslint.cli.inputs.paths import Wanted, models
from reslint.config import Config, fits


def unmatched(config: Config, paths: Sequence[str]) -> Iterator[str]:
    """What is to be said of each glob that fits none of the models, where its whole folder was searched."""
    globs = tuple(_globs(config))
    folder = config.folder.absolute()
    searched = (os.path.abspath(path) for path in paths if os.path.isdir(path))
    if not globs or not any(folder.is_relative_to(top) for top in searched):
        return
    there = tuple(models(paths, Wanted(config, everything=True, unlimited=True)))
    for key, glob in globs:
        if not _fits_any(config, key, glob, there):
            yield f"{key} {glob!r} matches no model"


def _globs(config: Config) -> Iterator[tuple[str, str]]:
    yield from (("exclude", glob) for glob in config.exclude)
    yield from (("budget.match", glob) for glob, _ in config.budget if glob != "*")
    yield from (("latency.match", glob) for glob, _, _ in config.latency if glob != "*")
    yield from (("expect.match", glob) for glob, _ in config.expect if glob != "*")
    yield from (("allow.model", entry.model) for entry in config.allow if entry.model != "*")
    yield from (("models.match", row.match) for row in config.said if row.match != "*" and not row.factory)


def _fits_any(config: Config, key: str, glob: str, there: Collection[str]) -> bool:
    names = (*there, *config.named())
    return any(fits(path, (glob,), config.folder) if key == "exclude" else config.matches(path, glob) for path in names)
