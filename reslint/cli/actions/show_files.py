"""The models that a check would look at, as a list."""

from __future__ import annotations

from reslint.cli.inputs.look import NOT_LOOKED_AT, named
from reslint.cli.options.check import CheckOptions
from reslint.cli.output.streams import emit, error
from reslint.report.common.plain import plain


def listed(options: CheckOptions) -> int:
    """Write a line for each model, and an error for each path that leads to none."""
    found = named(options)
    for path, missing in found.items():
        if missing:
            error(path, missing)
    emit("".join(f"{plain(path)}\n" for path, missing in found.items() if not missing), options.output)
    return NOT_LOOKED_AT if any(found.values()) else 0
