"""An exception out of code that is not ours in, one line with the user's own frame out."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from reslint.errors import ExportFailed

_OWN = str(Path(__file__).parents[1])
_STANDARD = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\](?P<rest>.+)")
_MACHINERY = (
    "torch",
    "onnxscript",
    "onnx_ir",
    "onnx",
    "sympy",
    "functorch",
)  # packages whose frames say nothing to a user
_NOTED = re.compile(r'File "(?P<file>[^"\n]+)", line (?P<line>\d+), in [^\n]+\n\s*(?P<text>[^\n]*)')
_LONG = 300  # characters of an exception's own message


@contextlib.contextmanager
def blamed(doing: str) -> Iterator[None]:
    """Run code of the user's, or of torch's for the user: what it raises becomes ExportFailed, what it prints is no result."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except ExportFailed:
        raise
    except (Exception, SystemExit) as error:  # any kind: it is the user's code
        raise ExportFailed(f"{doing}: {told(error)}") from error


def told(error: BaseException) -> str:
    """What went wrong, and at which line of the user's."""
    chain = tuple(causes(error))
    cause = next(
        (c for c in chain if not type(c).__module__.startswith("torch.onnx")), error
    )  # these wrap what they met
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    said = f"{type(cause).__name__}: {lines[0][:_LONG]}" if lines else type(cause).__name__
    frame = next((found for c in (cause, *reversed(chain)) if (found := _frame(c))), "")
    return f"{said}; at {frame}" if frame else said


def shown(file: str, line: int, text: str) -> str:
    """A frame as `file:line: code`."""
    place = f"{relative(file)}:{line}"
    return f"{place}: {text.strip()}" if text.strip() else place


def relative(file: str) -> str:
    """A file from the current folder, or from where packages are installed, else as it is."""
    installed = _INSTALLED.search(file)
    if installed:
        return installed["rest"].replace("\\", "/")
    path = os.path.relpath(file) if os.path.isabs(file) else file
    return file if path.startswith("..") else path.replace("\\", "/")


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, and what it came from, outermost first."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _frame(error: BaseException) -> str:
    """The innermost frame that is the user's: in the project if one is, else in a package that is no machinery."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return shown(error.filename, error.lineno, error.text or "")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_machinery(f.filename)]
    mine = [f for f in frames if not _INSTALLED.search(f.filename)] or frames
    if mine:
        return shown(mine[-1].filename, mine[-1].lineno or 0, mine[-1].line or "")
    return noted(str(error))  # torch tells some in its messages


def noted(trace: str) -> str:
    """The innermost frame that is the user's of a traceback as text."""
    frames = [f for f in _NOTED.finditer(trace) if not is_machinery(f["file"])]
    mine = [f for f in frames if not _INSTALLED.search(f["file"])] or frames
    return shown(mine[-1]["file"], int(mine[-1]["line"]), mine[-1]["text"]) if mine else ""


def is_machinery(file: str) -> bool:
    """Whether a file belongs to Python, torch or reslint."""
    installed = _INSTALLED.search(file)
    if installed:
        return re.split(r"[/\\]", installed["rest"])[0] in _MACHINERY
    return file.startswith(("<", _OWN + os.sep, *_STANDARD))
