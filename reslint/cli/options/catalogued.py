"""The option of commands that tell of rules, a project's own included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from reslint.cli.options.declare import Asked, Option
from reslint.config import load

if TYPE_CHECKING:
    from reslint.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Catalogued(Asked):
    """Which configuration names the project's own rules."""

    config: Annotated[Path | None, Option("Read this configuration file.", metavar="FILE")] = None

    def rules(self) -> tuple[Rule, ...]:
        """All rules that there are."""
        from reslint import look  # brings onnx

        return look.rules(load(self.config, Path.cwd()))
