"""What a filesystem raises in, one line for the user out, and whether it is worth while to ask again.

Filesystems raise what the libraries below them raise; status codes are found by attribute, so that none is imported here.
"""

from __future__ import annotations

import errno
from http import HTTPStatus

from reslint.errors import brief
from reslint.remote.address import redacted

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_RIGHTS = "may not be read; give the rights as the store's own tools take them (environment, profile, .netrc)"


class Changed(Exception):
    """The file is another one than it was when its reading began."""


class Short(OSError):
    """Fewer or more bytes came than were asked for."""


class NoRanges(Exception):
    """The server only gives whole files."""


def status(error: BaseException) -> int:
    """The status that a server answered with, 0 where none did."""
    for one in _chain(error):
        found = getattr(one, "status", 0)
        if isinstance(found, int) and 300 <= found < 600:
            return found
    return 0


def transient(error: BaseException) -> bool:
    """Whether the same question may well have an answer in a moment."""
    code = status(error)
    if code:
        return code in _AGAIN
    return any(
        isinstance(one, TimeoutError | ConnectionError | Short) or _is_of_connection(one) for one in _chain(error)
    )


def has_changed(error: BaseException) -> bool:
    """Whether a store says that the file is another one by now."""
    return isinstance(error, Changed) or status(error) == 412 or getattr(error, "errno", None) == errno.EBUSY


def told(error: BaseException) -> str:
    """One line on why an address could not be read, with nothing in it that is secret."""
    code = status(error)
    if code in (401, 403) or isinstance(error, PermissionError):
        return f"{_RIGHTS}: the answer was {_phrase(code) if code else 'access denied'}"
    if code in (404, 410) or isinstance(error, FileNotFoundError) and not code and error.__cause__ is None:
        return "is not there; check the address"
    if code:
        return f"can't be read: the answer was {_phrase(code)}"
    if isinstance(error, Short):
        return f"can't be read: {error}"
    inner = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
    if any(isinstance(one, TimeoutError) for one in _chain(inner)):
        return "can't be read: no answer came in time"
    if type(inner).__name__ == "TooManyRedirects":
        return "can't be read: it is redirected without an end"
    said = str(inner).strip().partition("\n")[0]
    return f"can't be read: {brief(redacted(said)) or type(inner).__name__}"


def _phrase(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what it came from."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__
    return found


def _is_of_connection(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"ClientConnectionError", "ClientPayloadError", "EndpointConnectionError", "HTTPClientError"})
