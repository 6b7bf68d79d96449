"""Addresses in, bytes out, by fsspec: what is asked for again, what is refused, and what is counted."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeVar

from reslint.errors import UnreadableModel
from reslint.remote.address import shown
from reslint.remote.told import Changed, NoRanges, Short, has_changed, told, transient

T = TypeVar("T")

_TRIES = 5
_PAUSE = 0.25  # seconds before the second try, twice as long before each one after that
_PART = 1 << 20
_SILENCE = 30.0  # seconds without a byte
_VERSION = ("ETag", "etag", "md5Hash", "sha256", "checksum", "blob_id", "Content-MD5", "mtime", "LastModified")
_DATES = ("last_modified", "Last-Modified", "updated", "modified", "created")
_NEEDS: Mapping[str, str] = {"http": "aiohttp", "https": "aiohttp"}


class Handle(Protocol):
    """An open file of some filesystem."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, place: int, /) -> object: ...
    def close(self) -> None: ...


class Filesystem(Protocol):
    """What is asked of a filesystem of fsspec."""

    def info(self, path: str) -> Mapping[str, object]: ...
    def open(self, path: str, mode: str = "rb", **options: object) -> Handle: ...
    def glob(self, path: str, **options: object) -> list[str]: ...
    def find(self, path: str, **options: object) -> list[str]: ...
    def invalidate_cache(self, path: str) -> None: ...
    def unstrip_protocol(self, path: str) -> str: ...


@dataclass
class Traffic:
    """What was fetched for one model so far: bytes, and the requests for them."""

    bytes: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file is known by: its size in bytes, None where nobody says, and a tag that changes with what is in it."""

    size: int | None
    tag: str

    @property
    def text(self) -> str:
        """The same as one text; empty where a change would not show."""
        return f"{self.tag}:{self.size}" if self.tag else ""


def filesystem(address: str) -> tuple[Filesystem, str]:
    """The filesystem of an address, and its path there. Raises UnreadableModel where it is not installed."""
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ModuleNotFoundError as error:
        raise UnreadableModel("is an address, for which fsspec is needed: pip install 'reslint[remote]'") from error
    scheme = address.partition("://")[0].lower()
    options: dict[str, object] = {}
    try:
        if scheme in ("http", "https"):
            from aiohttp import ClientTimeout

            patience = ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
            options["client_kwargs"] = {"timeout": patience, "trust_env": True}
        found, path = url_to_fs(address, **options)
    except ImportError as error:
        package = (
            _NEEDS.get(scheme) or str(known_implementations.get(scheme, {}).get("class", scheme)).partition(".")[0]
        )
        raise UnreadableModel(f"needs {package} for {scheme}://: pip install {package}") from error
    except ValueError as error:
        raise UnreadableModel(f"is an address of no filesystem that is known: {scheme}://") from error
    except Exception as error:  # credentials that can't be found, a region that is none: each library has its own
        raise UnreadableModel(told(error)) from error
    return found, path


def persistently(ask: Callable[[], T]) -> T:
    """What a store answers, asked again with pauses that grow where it is only busy, or the connection was cut.

    Stores bring this themselves (s3fs, gcsfs), fsspec's HTTP does not.
    """
    for attempt in range(_TRIES):
        try:
            return ask()
        except NoRanges:
            raise
        except Exception as error:
            if attempt == _TRIES - 1 or not transient(error):
                raise
            time.sleep(_PAUSE * 2**attempt * (1 + random.random()))
    raise AssertionError  # the last try returns or raises


@dataclass
class File:
    """One file of a store: what it is known by, and its bytes by ranges. It must not be shared between threads."""

    address: str
    traffic: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        self._fs, self._path = filesystem(self.address)
        self._handle: Handle | None = None
        self._info: Mapping[str, object] = {}

    def identity(self, *, anew: bool = False) -> Identity:
        """What the file is known by, as first asked for or `anew`. Raises UnreadableModel where it can't be reached."""
        if anew or not self._info:
            self._info = self._answered(self._asked_for)
        size = self._info.get("size")
        tag = next((str(self._info[key]) for key in (*_VERSION, *_DATES) if self._info.get(key)), "")
        return Identity(size if isinstance(size, int) else None, tag)

    @property
    def has_ranges(self) -> bool:
        """Whether nothing says that the server gives whole files only."""
        return self.identity().size is not None and self._info.get("partial") is not False

    @property
    def is_folder(self) -> bool:
        """Whether the address leads to a folder."""
        self.identity()
        return self._info.get("type") == "directory"

    def read(self, start: int, size: int) -> bytes:
        """So many bytes. Raises NoRanges where the server gives whole files only, Changed where the file did."""

        def fetched() -> bytes:
            handle = self._opened()
            self.traffic.requests += 1
            try:
                handle.seek(start)
                data = handle.read(size)
            except ValueError as error:  # fsspec's HTTP says so, and only so
                if "range requests" in str(error) or "Cannot seek" in str(error):
                    raise NoRanges from error
                raise
            except Exception:
                self._handle = None
                raise
            self.traffic.bytes += len(data)
            if len(data) != size:
                raise Short(f"{len(data)} bytes came where {size} were asked for; its length is told wrongly")
            return data

        return self._answered(fetched)

    def whole(self, most: int) -> BinaryIO:
        """All of it, in a file without a name. Raises UnreadableModel where it has over `most` bytes."""
        size = self.identity().size
        if size is not None and size > most:
            raise _large(size, most)
        return self._answered(lambda: self._downloaded(most))

    def confirm(self) -> None:
        """Raise Changed where the file is not the one any more that it was."""
        before = self.identity()
        if before.tag and self.identity(anew=True) != before:
            raise Changed

    def close(self) -> None:
        """Let go of the connection."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _opened(self) -> Handle:
        if self._handle is None:
            options: dict[str, object] = {"cache_type": "none"}
            tag = self._info.get("ETag")
            if self.address.lower().startswith("http") and isinstance(tag, str) and tag.startswith('"'):
                options |= {"size": self._info.get("size"), "headers": {"If-Match": tag}}  # a weak tag matches nothing
            self._handle = self._fs.open(self._path, "rb", **options)
        return self._handle

    def _asked_for(self) -> Mapping[str, object]:
        self.traffic.requests += 1
        self._fs.invalidate_cache(self._path)
        return self._fs.info(self._path)

    def _downloaded(self, most: int) -> BinaryIO:
        into = tempfile.TemporaryFile()  # noqa: SIM115 - it is given away
        try:
            self.traffic.requests += 1
            stream = self._fs.open(self._path, "rb", block_size=0)
            try:
                while part := stream.read(_PART):
                    self.traffic.bytes += len(part)
                    if into.tell() + len(part) > most:
                        raise _large(None, most)
                    into.write(part)
            finally:
                stream.close()
            into.flush()
        except BaseException:
            into.close()
            raise
        return into

    def _answered(self, ask: Callable[[], T]) -> T:
        try:
            return persistently(ask)
        except (UnreadableModel, NoRanges):
            raise
        except Exception as error:  # whatever the library of the store raises
            if has_changed(error):
                raise Changed from error
            raise UnreadableModel(told(error)) from error

    def __repr__(self) -> str:
        return f"<File {shown(self.address)}>"


def _large(size: int | None, most: int) -> UnreadableModel:
    has = f"it has {size / 1e9:.3g} GB" if size is not None else f"it has over {most / 1e9:.3g} GB"
    return UnreadableModel(
        f"is on a server that gives whole files only, and {has}; "
        "allow it with --max-download, or download it and check the file"
    )
