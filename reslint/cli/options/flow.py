"""The options of `reslint flow`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import click

from reslint.cli.options.common import Models
from reslint.cli.options.declare import FORMAT, Option

_SCALE = re.compile(r"(?P<keyword>[^\W\d]\w*)=(?P<values>\d+(?:\.\d+)?(?:,\d+(?:\.\d+)?)*)")


@dataclass(frozen=True, kw_only=True)
class FlowOptions(Models):
    """What a user asks `reslint flow` for."""

    input: Annotated[tuple[str, ...], Option("An example input; repeatable.", metavar="[NAME=]SHAPE[:DTYPE]")] = ()
    kwargs: Annotated[str, Option("The keyword arguments of the factory.", metavar="JSON")] = ""
    seeds: Annotated[
        int, Option("The number of initializations to measure.", type=click.IntRange(1, 100), metavar="COUNT")
    ] = 3
    only: Annotated[
        tuple[Literal["gradient", "initialization", "curvature", "learning_rate", "convergence", "scaling"], ...],
        Option("Measure only this; repeatable."),
    ] = ()
    scale: Annotated[
        tuple[str, ...],
        Option(
            "Also build it at several depths or widths, by a keyword of the factory; repeatable.",
            metavar="KEYWORD=VALUES",
        ),
    ] = ()
    data: Annotated[str, Option("What gives a batch: inputs, or inputs and targets.", metavar="MODULE:FACTORY")] = ""
    loss: Annotated[
        str, Option("The loss for the targets: cross-entropy, squares, or a function of yours.", metavar="NAME")
    ] = ""
    budget: Annotated[
        float,
        Option(
            "Stop measuring after this many seconds.",
            metavar="SECONDS",
            type=click.FloatRange(min=0, min_open=True),
        ),
    ] = 60.0
    plot: Annotated[str | None, Option("Also write the curves to FILE, as SVG.", metavar="FILE")] = None
    format: Annotated[Literal["text", "json", "svg", "html"], FORMAT] = "text"

    @property
    def scales(self) -> Mapping[str, tuple[float, ...]]:
        """The values of each keyword. Raises BadParameter for what is none."""
        return dict(map(_scale, self.scale))

    @property
    def style(self) -> str:
        return {"json": "flow_json", "svg": "flow_svg"}.get(self.format, self.format)

    @property
    def reports(self) -> tuple[tuple[str, str], ...]:
        return (("flow_svg", self.plot),) if self.plot else ()

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        yield from super().written
        yield from (("--plot", self.plot),) if self.plot else ()


def _scale(text: str) -> tuple[str, tuple[float, ...]]:
    found = _SCALE.fullmatch(text.replace(" ", ""))
    values = [*dict.fromkeys(found["values"].split(","))] if found else []
    if found is None or len(values) < 2 or not all(map(float, values)):
        raise click.BadParameter(
            f"{text!r} is not KEYWORD=VALUES with two values or more above zero, such as depth=6,12,24",
            param_hint="--scale",
        )
    return found["keyword"], tuple(int(v) if v.isdigit() else float(v) for v in values)
