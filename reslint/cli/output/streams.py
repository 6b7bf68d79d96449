"""Results in, standard output or a file out; what else is to be said goes to standard error."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from reslint.errors import BadConfiguration
from reslint.report.common.plain import plain
from reslint.writing import put

NO_TERMINAL = 100
"""Columns of text that goes to no terminal."""

_VTE_WITH_HYPERLINKS = 5000  # GNOME's terminal, from its version 0.50 on
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
    try:
        put(path, text.encode())
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
    """Whether to colour: as asked, else as NO_COLOR and FORCE_COLOR say (https://no-color.org), else on a terminal."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return file is None
    return file is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a result is laid out for: columns, whether these are a real edge, and whether text can be a hyperlink (OSC 8)."""

    width: int
    wraps: bool
    hyperlinks: bool


def terminal(file: str | None) -> Terminal:
    """The terminal that standard output is, within 40 to 200 columns; 100 columns where there is none."""
    if file is not None:
        return Terminal(NO_TERMINAL, wraps=False, hyperlinks=False)
    shown = sys.stdout.isatty()
    width = shutil.get_terminal_size((NO_TERMINAL, 0)).columns if shown else _columns() or NO_TERMINAL
    return Terminal(min(max(width, 40), 200), wraps=shown, hyperlinks=shown and _has_hyperlinks())


def _columns() -> int | None:
    """What the environment says of the width; None where it says nothing that can be used."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else None


def _has_hyperlinks() -> bool:
    """Whether the terminal is one that is known to draw hyperlinks; others show what they don't know."""
    known = os.environ.get("TERM_PROGRAM", "") in ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper")
    kitty = os.environ.get("TERM", "") in ("xterm-kitty", "alacritty", "xterm-ghostty", "foot")
    vte = os.environ.get("VTE_VERSION", "")
    return known or kitty or "WT_SESSION" in os.environ or vte.isdecimal() and int(vte) >= _VTE_WITH_HYPERLINKS
