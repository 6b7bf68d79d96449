"""A folder or an address in, the tables in it out: written by batches, each there whole or not at all.

A batch is a file in each table, of the same number. That of `models` is written last and makes the batch count; a later
batch's word on a path goes before an earlier one's, which `settle` then deletes. Both can be killed at any moment.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from reslint.errors import BadConfiguration
from reslint.fleet.sight import Sight
from reslint.fleet.tables import SCHEMA, TABLES, schema
from reslint.remote.address import redacted, shown

_PART = re.compile(r"part-(\d{6,})\.parquet")
_DONE = "_SUCCESS"
_RUN = "run.json"


@dataclass(frozen=True)
class Destination:
    """Where the tables of a fleet lie."""

    address: str

    @cached_property
    def _place(self):  # type: ignore[no-untyped-def] # fsspec has no types
        try:
            return url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise BadConfiguration(f"--out {shown(self.address)}: {error}") from error

    def begin(self, *, resume: bool) -> None:
        """Make the folder ready. Raises BadConfiguration where it holds something that is not to be gone on with."""
        fs, root = self._place
        where = f"--out {shown(self.address)}"
        try:
            held = fs.exists(root) and bool(fs.ls(root, detail=False))
            if held and not fs.exists(f"{root}/{_RUN}"):
                raise BadConfiguration(f"{where}: holds something else; name a folder of its own")
            if held and (found := self.run().get("schema")) != SCHEMA:
                raise BadConfiguration(
                    f"{where}: holds tables of the schema {found}, not {SCHEMA}; name another folder"
                )
            if held and not resume:
                raise BadConfiguration(
                    f"{where}: holds tables already; go on with them by --resume, or name another folder"
                )
            fs.makedirs(root, exist_ok=True)
            self._drop(_DONE)
        except (OSError, ValueError) as error:
            raise BadConfiguration(
                f"{where}: can't be written: {redacted(str(error)).partition(chr(10))[0]}"
            ) from error

    def run(self) -> Mapping[str, object]:
        """What run.json says. Raises BadConfiguration where there is none."""
        fs, root = self._place
        try:
            found: object = json.loads(fs.cat_file(f"{root}/{_RUN}"))
        except (OSError, ValueError) as error:
            raise BadConfiguration(f"{shown(self.address)}: holds no tables of reslint fleet") from error
        return found if isinstance(found, dict) else {}

    def keep(self, number: int, sights: Sequence[Sight]) -> None:
        """Write a batch."""
        rows = {
            "findings": [row for one in sights for row in one.findings],
            "errors": [one.error for one in sights if one.error],
            "models": [one.model for one in sights if one.model],
        }
        for table in TABLES:
            if rows[table] or table == "models":
                self._write(table, number, pa.Table.from_pylist(rows[table], schema=schema(table)))

    def tell(self, run: Mapping[str, object], *, done: bool = False) -> None:
        """Write run.json, and _SUCCESS where all is there."""
        self._put(_RUN, json.dumps({"schema": SCHEMA, **run}, indent=1).encode())
        if done:
            self._put(_DONE, b"")

    def known(self, version: str, configuration: str) -> Iterator[tuple[str, str]]:
        """The paths that were looked at by this version under this configuration, each with its tag then."""
        for table in ("errors", "models"):
            for number in self.parts(table):
                held = self._read(table, number, ["path", "etag", "version", "configuration"])
                for path, etag, by, how in zip(*(column.to_pylist() for column in held.columns), strict=True):
                    if etag and by == version and how == configuration:
                        yield path, etag

    def parts(self, table: str) -> list[int]:
        """The numbers of a table's files."""
        fs, root = self._place
        fs.invalidate_cache()
        try:
            names = fs.ls(f"{root}/{table}", detail=False)
        except FileNotFoundError:
            return []
        return sorted(int(found[1]) for name in names if (found := _PART.fullmatch(name.rpartition("/")[2])))

    def settle(self) -> None:
        """Delete what a batch that was not finished left, and what a later batch says anew."""
        batches = self.parts("models")
        for table in ("findings", "errors"):
            for number in set(self.parts(table)) - set(batches):
                self._drop(f"{table}/{self._name(number)}")
        latest: dict[str, int] = {}
        for number in batches:
            for table in ("models", "errors"):
                latest.update(dict.fromkeys(self._paths(table, number), number))
        for number in batches:
            self._prune(number, latest)

    def column(self, table: str, name: str) -> Iterator[object]:
        """All values of a column."""
        for number in self.parts(table):
            yield from self._read(table, number, [name]).column(name).to_pylist()

    def _prune(self, number: int, latest: Mapping[str, int]) -> None:
        here = {path for path in self._paths("models", number) if latest[path] == number}
        wrong = {path for path in self._paths("errors", number) if latest[path] == number} - here
        for table, kept in (("models", here), ("findings", here), ("errors", wrong)):
            self._keep_only(table, number, kept)

    def _keep_only(self, table: str, number: int, kept: Collection[str]) -> None:
        if all(path in kept for path in self._paths(table, number)):
            return
        held = self._read(table, number, None)
        self._write(table, number, held.filter(pc.is_in(held["path"], value_set=pa.array(sorted(kept), pa.string()))))

    def _paths(self, table: str, number: int) -> list[str]:
        fs, root = self._place
        if not fs.exists(f"{root}/{table}/{self._name(number)}"):
            return []
        return [str(path) for path in self._read(table, number, ["path"]).column("path").to_pylist()]

    def _read(self, table: str, number: int, columns: list[str] | None) -> pa.Table:
        fs, root = self._place
        return pq.read_table(io.BytesIO(fs.cat_file(f"{root}/{table}/{self._name(number)}")), columns=columns)

    def _write(self, table: str, number: int, content: pa.Table) -> None:
        held = io.BytesIO()
        pq.write_table(content, held, compression="zstd")
        self._put(f"{table}/{self._name(number)}", held.getvalue())

    def _put(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, as stores do by themselves."""
        fs, root = self._place
        try:
            if "file" not in fs.protocol:
                fs.pipe_file(f"{root}/{name}", content)
                return
            folder, _, file = f"{root}/{name}".rpartition("/")
            fs.makedirs(folder, exist_ok=True)
            part = f"{folder}/.{file}.part"
            fs.pipe_file(part, content)
            os.replace(part, f"{folder}/{file}")
        except OSError as error:
            raise BadConfiguration(
                f"--out {shown(self.address)}: can't be written: {error.strerror or error}"
            ) from error

    def _drop(self, name: str) -> None:
        fs, root = self._place
        if fs.exists(f"{root}/{name}"):
            fs.rm_file(f"{root}/{name}")

    @staticmethod
    def _name(number: int) -> str:
        return f"part-{number:06}.parquet"
