"""The options of what is exported from PyTorch in, one value with them out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

from reslint.keys import EXPORTERS
from reslint.settings import Factory

_OPTIONS = (
    click.option("--input", "inputs", multiple=True, metavar="NAME=SHAPE:DTYPE", help="PyTorch: an example input."),
    click.option("--kwargs", "keywords", default="", metavar="JSON", help="PyTorch: what the factory is called with."),
    click.option("--dynamic", multiple=True, metavar="AXIS", help="PyTorch: batch, seq, NAME=AXIS or INPUT:AXIS=NAME."),
    click.option("--fake", is_flag=True, help="PyTorch: build the module without weights."),
    click.option("--exporter", type=click.Choice(EXPORTERS), help="PyTorch: dynamo unless that fails."),
    click.option("--opset", type=click.IntRange(min=7), help="PyTorch: the version of ONNX's operators."),
)  # fmt: skip


def exporting(run: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of the export; it gets them as one `factory` without a target."""

    @wraps(run)
    def taken(
        *,
        inputs: tuple[str, ...],
        keywords: str,
        dynamic: tuple[str, ...],
        fake: bool,
        exporter: str | None,
        opset: int | None,
        **others: object,
    ) -> int:
        return run(factory=Factory("", inputs, keywords, dynamic, fake, exporter or "", opset), **others)

    wrapped: Callable[..., int] = taken
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
