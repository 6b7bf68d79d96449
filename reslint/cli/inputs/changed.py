"""Models that git says have changed: against a reference, or since the last commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from reslint.cli.inputs.owners import owners
from reslint.errors import BadConfiguration


def changed(models: Iterable[str], base: str | None) -> tuple[str, ...]:
    """The models that have changed, or whose external data has.

    `base` is a branch or commit: what counts is all since the two parted, with what is not committed. Without it, only what
    is not committed counts. Raises BadConfiguration where git can't tell.
    """
    since = _git("merge-base", base, "HEAD")[0] if base else "HEAD"
    (top,) = _git("rev-parse", "--show-toplevel")
    named = (*_git("diff", "--name-only", "-z", "--diff-filter=d", since), *_untracked(top))
    touched = {os.path.realpath(owner) for name in named for owner in owners(os.path.join(top, name))}
    return tuple(model for model in models if os.path.realpath(model) in touched)


def _untracked(top: str) -> Iterator[str]:
    """Files that git does not track yet, as seen from the top of the repository."""
    for name in _git("ls-files", "-z", "--others", "--exclude-standard", "--full-name", ":/"):
        yield os.path.relpath(os.path.join(top, name), top)


def _git(*arguments: str) -> tuple[str, ...]:
    """What git lists, or the one line that it prints."""
    try:
        ended = subprocess.run(["git", *arguments], capture_output=True, check=False, cwd=Path.cwd())
    except OSError as error:
        raise BadConfiguration(f"--changed-only needs git: {error.strerror or error}") from error
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines() or ["git failed"]
        raise BadConfiguration(f"--changed-only: {said[0].removeprefix('fatal: ')}")
    text = os.fsdecode(ended.stdout)
    return tuple(name for name in (text.split("\0") if "-z" in arguments else text.splitlines()) if name)
