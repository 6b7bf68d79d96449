"""Results in, standard output or a file out; what else is to be said goes to standard error."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from reslint.errors import BadConfiguration
from reslint.report.common.plain import plain

_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)


def emit(text: str, file: str | None, *, called: str = "--output", commands: bool = False) -> None:
    """Write a report to standard output, or to a file that is there whole or not at all; `commands` are GitHub's to obey."""
    if file is None:
        with speaking():
            sys.stdout.write(text if commands else unheard(text))
        return
    written(Path(file), text, f"{called} {file}")


@contextmanager
def speaking() -> Iterator[None]:
    """Write to standard output. Raises BadConfiguration where that can't be, but for a reader who has seen enough: `| head`."""
    try:
        yield
        sys.stdout.flush()
    except OSError as problem:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the interpreter's last flush must not complain, too
        if not isinstance(problem, BrokenPipeError):
            says = "it is closed" if problem.errno == errno.EBADF else problem.strerror or problem
            raise BadConfiguration(f"standard output can't be written: {says}") from problem


def reopen() -> None:
    """Put something in the place of each standard stream that is closed: the next file would be opened there.

    On standard error nothing is heard, to standard output nothing can be written.
    """
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            nothing = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


def unheard(text: str) -> str:
    """Text in which a runner of GitHub's finds no command: it obeys a line of any output, and a file may be called like one."""
    if not os.environ.get("GITHUB_ACTIONS"):
        return text
    return _COMMAND.sub(r"\1\\::", text).replace("##[", "## [")


def written(path: Path, text: str, told: str) -> None:
    """Write a file that is there whole or not at all; `told` is how the user named it."""
    import tempfile  # costs as much as half of click, and most runs write no file

    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=".reslint-", delete=False
        ) as part:
            part.write(text)
        os.chmod(part.name, 0o666 & ~_umask())
        os.replace(part.name, path)
    except OSError as problem:
        raise BadConfiguration(f"{told}: can't be written: {problem.strerror or problem}") from problem


def append(text: str, file: str) -> None:
    """Add a report to what a file holds: a job's steps share their summary."""
    try:
        with open(file, "a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as problem:
        raise BadConfiguration(f"{file}: can't be written: {problem.strerror or problem}") from problem


def error(path: str, says: str) -> None:
    """One line on a file that could not be looked at."""
    click.echo(unheard(f"{plain(path)}: error: {plain(says)}"), err=True)


def note(path: str, says: str) -> None:
    """One line on a file that does not change the exit status."""
    click.echo(unheard(f"{plain(path)}: note: {plain(says)}"), err=True)


def colored(when: str, file: str | None) -> bool:
    """Whether to colour: as asked, else on a terminal that does not ask for none (https://no-color.org)."""
    if when == "auto":
        return (
            file is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )
    return when == "always"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
