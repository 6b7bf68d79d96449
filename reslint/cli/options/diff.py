"""The options of `reslint diff`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from reslint.cli.options.common import Colored, Exporting
from reslint.cli.options.declare import FORMAT, Argument, Option


@dataclass(frozen=True, kw_only=True)
class DiffOptions(Colored, Exporting):
    """What a user asks `reslint diff` for."""

    old: Annotated[str, Argument("OLD")]
    new: Annotated[str, Argument("NEW")]
    format: Annotated[Literal["text", "json", "markdown"], FORMAT] = "text"
    fail_on_lost_shortcut: Annotated[bool, Option("Exit with status 1 if a layer lost the shortcut around it.")] = False
