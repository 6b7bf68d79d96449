"""The options of `reslint anatomy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from reslint.cli.options.common import Exporting, Models
from reslint.cli.options.declare import FORMAT, Option


@dataclass(frozen=True, kw_only=True)
class AnatomyOptions(Models, Exporting):
    """What a user asks `reslint anatomy` for."""

    signature: Annotated[bool, Option("Print only the skeleton, in one line per model.")] = False
    format: Annotated[Literal["text", "json", "dot", "svg", "html", "graphml"], FORMAT] = "text"

    @property
    def style(self) -> str:
        return self.format
