"""A path as a user writes it in: whether it is an address, and how it is told, without what opens doors."""

from __future__ import annotations

import re
from posixpath import basename
from urllib.parse import parse_qsl, quote, urlsplit

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: one is a drive of Windows
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>)\]]+")
_HARMLESS = frozenset(
    {"alt", "download", "file", "id", "name", "path", "raw", "ref", "rev", "revision", "version", "versionid"}
)
"""Parameters whose values are told; any other one may be a signature or a token."""


def is_remote(path: str) -> bool:
    """Whether a path is an address: `https://…`, `s3://…`."""
    return _ADDRESS.match(path) is not None


def shown(path: str) -> str:
    """An address without user, password and signature; any other path as it is."""
    if not is_remote(path):
        return path
    scheme, _, rest = path.partition("://")
    front, mark, query = rest.partition("?")
    host, slash, place = front.partition("/")
    host = host.rpartition("@")[2]
    if not mark or scheme.lower() not in ("http", "https"):
        return f"{scheme}://{host}{slash}{place}{mark}{query}"
    query = query.partition("#")[0]
    parts = [f"{key}={quote(value) if key.lower() in _HARMLESS else '…'}" for key, value in parse_qsl(query, True)]
    return f"{scheme}://{host}{slash}{place.partition('#')[0]}" + (f"?{'&'.join(parts)}" if parts else "")


def redacted(text: str) -> str:
    """A text in which each address is one that may be told."""
    return _IN_TEXT.sub(lambda found: shown(found[0]), text)


def file_of(address: str) -> str:
    """The name of the file that an address leads to, empty for a folder."""
    scheme = address.partition("://")[0].lower()
    return basename(urlsplit(address).path if scheme in ("http", "https") else address.partition("://")[2])


def has_magic(address: str) -> bool:
    """Whether an address is a glob. A question mark begins the parameters of an address of HTTP."""
    http = address.lower().startswith(("http://", "https://"))
    return any(sign in address.partition("?")[0] if http else sign in address for sign in ("*" if http else "*?"))
