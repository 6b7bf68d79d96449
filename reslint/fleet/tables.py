"""The tables of a fleet: their columns, by name. docs/fleet.md says what each one holds.

A column that is new goes to the end, and readers take tables without it; anything else makes another version of the schema.
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa

SCHEMA = "reslint.fleet/1"
TABLES = ("findings", "errors", "models")
"""In the order in which a batch is written: its models come last, and say that all of it is there."""

Row = dict[str, object]


@cache
def schema(table: str) -> pa.Schema:
    """The columns of a table."""
    columns: dict[str, dict[str, pa.DataType]] = {
        "models": {
            "path": pa.string(),
            "etag": pa.string(),
            "size": pa.int64(),
            "format": pa.string(),
            "opset": pa.int32(),
            "producer": pa.string(),
            "blocks": pa.int32(),
            "kinds": pa.map_(pa.string(), pa.int32()),
            "normalization": pa.string(),
            "depth": pa.int32(),
            "params": pa.int64(),
            "macs": pa.int64(),
            "signature": pa.string(),
            "unread": pa.list_(pa.string()),
            "suppressed": pa.int32(),
            "seconds": pa.float64(),
            "bytes_read": pa.int64(),
            "requests": pa.int32(),
            "version": pa.string(),
            "configuration": pa.string(),
        },
        "findings": {
            **dict.fromkeys(
                ("rule", "family", "severity", "confidence", "message", "path", "tensor", "node"), pa.string()
            ),
            "related": pa.list_(pa.string()),
            "module": pa.string(),
            "class": pa.string(),
            "source": pa.struct({"file": pa.string(), "line": pa.int64()}),
            "fingerprint": pa.string(),
            "evidence": pa.string(),
            "help": pa.string(),
            "fails": pa.bool_(),
        },
        "errors": {
            **dict.fromkeys(("path", "error", "etag"), pa.string()),
            "seconds": pa.float64(),
            "fails": pa.bool_(),
            "version": pa.string(),
            "configuration": pa.string(),
        },
    }
    return pa.schema(list(columns[table].items()))
