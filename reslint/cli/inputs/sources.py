"""Sources as they stand on the command line in, the models that they mean out, each once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from reslint.errors import BadConfiguration

_SEED = 0  # the same sample each time
_COLUMNS = ("path", "url", "uri")


def expanded(sources: Sequence[str]) -> Iterator[str]:
    """The sources, lists and manifests by what is in them. Raises BadConfiguration, with the line, for what is none."""
    for source in sources:
        if source.startswith("@"):
            yield from _listed(Path(source[1:]))
        elif source.lower().endswith(".parquet"):
            yield from _manifest(source)
        else:
            yield source


def sampled(paths: Sequence[str], many: int | None) -> tuple[str, ...]:
    """So many of the paths by chance, in their order; all where so many are not there."""
    if many is None or many >= len(paths):
        return tuple(paths)
    return tuple(paths[at] for at in sorted(random.Random(_SEED).sample(range(len(paths)), many)))


def _listed(file: Path) -> Iterator[str]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise BadConfiguration(f"@{file}: can't be read: {error.strerror or error}") from error
    wrong: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            wrong.append(f"@{file}:{number}: is not UTF-8 text")
            continue
        if "\0" in text or text.startswith("@"):
            wrong.append(f"@{file}:{number}: names no model")
        elif text and not text.startswith("#"):
            yield text
    if wrong:
        raise BadConfiguration(*wrong)


def _manifest(source: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(source)
        with fs.open(path, "rb") as file:
            held = pq.ParquetFile(file)
            column = next((name for name in _COLUMNS if name in held.schema_arrow.names), None)
            if column is None:
                raise BadConfiguration(f"{source}: has no column `path`, `url` or `uri`")
            for batch in held.iter_batches(columns=[column]):
                yield from (str(value) for value in batch.column(0).to_pylist() if value)
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise BadConfiguration(
            f"{source}: is not a manifest that reslint can read: {str(error).partition(chr(10))[0]}"
        ) from error
