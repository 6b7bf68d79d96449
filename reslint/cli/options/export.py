"""The options of `reslint export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click

from reslint.cli.options.common import Exporting, Quiet
from reslint.cli.options.declare import Argument, Option


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Quiet, Exporting):
    """What a user asks `reslint export` for."""

    spec: Annotated[str, Argument("MODULE:FACTORY")]
    output: Annotated[
        Path, Option("The ONNX file to write.", short="o", metavar="FILE", type=click.Path(path_type=Path))
    ]
    verify: Annotated[
        bool, Option("Run the file in ONNX Runtime and compare it with the module, on several seeds and sizes.")
    ] = False
