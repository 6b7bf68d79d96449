"""A result in, a file out that holds it whole or as it was; what is no plain file is written to, and never replaced."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_WRITABLE = 0o222


class ReadOnly(OSError):
    """A file that nobody may write, which is respected even where the user could replace it."""

    def __init__(self) -> None:
        super().__init__("it is read-only; make it writable, or name another file")


def replaceable(path: Path) -> bool:
    """Whether a new file may take the place of what a path leads to: of nothing, or of a file with one name and no link.

    A device, a pipe, /dev/stdout and the like are somebody else's, and so is the other end of a link. Raises ReadOnly.
    """
    try:
        there = path.lstat()
    except FileNotFoundError:
        return True
    refuse_read_only(path)
    return stat.S_ISREG(there.st_mode) and there.st_nlink == 1


def refuse_read_only(path: Path) -> None:
    """Raise ReadOnly for a file without a right to write; the superuser could, and should not."""
    if path.is_file() and (not path.stat().st_mode & _WRITABLE or not os.access(path, os.W_OK)):
        raise ReadOnly


def put(path: Path, content: bytes) -> None:
    """Write a file: whole or not at all, where it is a plain one. Raises OSError."""
    if replaceable(path):
        _replace(path, lambda part: part.write(content))
    elif not _is_standard(path, content):
        with path.open("wb") as file:
            file.write(content)


def _is_standard(path: Path, content: bytes) -> bool:
    """Write to standard output or error where a path leads there: opened anew, the file behind would be emptied first."""
    for stream in (sys.stdout, sys.stderr):
        try:
            same = os.path.samestat(os.fstat(stream.fileno()), path.stat())
        except (OSError, ValueError):
            continue
        if same:
            stream.flush()
            stream.buffer.write(content)
            stream.flush()
            return True
    return False


def _replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    with beside(path) as (file, name):
        fill(file)
        file.close()
        os.chmod(name, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)


@contextmanager
def beside(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A new file in the folder of another one, and its name; it is gone in the end unless it took a place."""
    import tempfile  # costs as much as half of click, and most runs write no file

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".reslint-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, name
    finally:  # also after Ctrl-C
        if os.path.lexists(name):
            os.unlink(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def take_over(path: Path, name: str) -> None:
    """Give a new file the owner, rights and extended attributes of the one whose place it takes.

    Raises OSError with what can't be kept.
    """
    there = path.stat()
    if hasattr(os, "chown") and (there.st_uid, there.st_gid) != (os.stat(name).st_uid, os.stat(name).st_gid):
        try:
            os.chown(name, there.st_uid, there.st_gid)
        except OSError as error:
            raise OSError(f"its owner can't be kept: {error.strerror or error}") from error
    if hasattr(os, "listxattr"):
        for key in _attributes(path):
            try:
                os.setxattr(name, key, os.getxattr(path, key))
            except OSError as error:
                raise OSError(f"its extended attribute {key} can't be kept: {error.strerror or error}") from error
    os.chmod(name, stat.S_IMODE(there.st_mode))  # last, since a new owner takes rights away


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError:  # a file system without any
        return []
