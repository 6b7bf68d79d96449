"""Paths in, the same paths out, with a bar on standard error while they pass."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

MANY = 20
LARGE = 200 << 20  # bytes; below, a run is over before a bar is of use


def progress(paths: Sequence[str], quiet: bool) -> Iterator[str]:
    """Yield the paths; draw a bar where someone watches and there is enough to wait for."""
    if quiet or not sys.stderr.isatty() or not _long(paths):
        yield from paths
        return
    from rich.console import Console  # costs as much as onnx's own start, so only where it is seen
    from rich.progress import track

    yield from track(paths, "reslint", console=Console(stderr=True), transient=True)


def _long(paths: Sequence[str]) -> bool:
    return len(paths) >= MANY or sum(os.path.getsize(p) for p in paths if os.path.isfile(p)) >= LARGE
