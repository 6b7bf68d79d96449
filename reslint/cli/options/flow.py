"""The options of `reslint flow`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import click

from reslint.cli.options.common import Models
from reslint.cli.options.declare import FORMAT, Option


@dataclass(frozen=True, kw_only=True)
class FlowOptions(Models):
    """What a user asks `reslint flow` for."""

    input: Annotated[tuple[str, ...], Option("An example input; repeatable.", metavar="[NAME=]SHAPE[:DTYPE]")] = ()
    kwargs: Annotated[str, Option("The keyword arguments of the factory.", metavar="JSON")] = ""
    seeds: Annotated[
        int, Option("The number of initializations to measure.", type=click.IntRange(1, 100), metavar="COUNT")
    ] = 3
    only: Annotated[
        tuple[Literal["gradient", "initialization", "curvature", "learning_rate", "convergence"], ...],
        Option("Measure only this; repeatable."),
    ] = ()
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
    def style(self) -> str:
        return {"json": "flow_json", "svg": "flow_svg"}.get(self.format, self.format)

    @property
    def reports(self) -> tuple[tuple[str, str], ...]:
        return (("flow_svg", self.plot),) if self.plot else ()

    @property
    def written(self) -> Iterator[tuple[str, str]]:
        yield from super().written
        yield from (("--plot", self.plot),) if self.plot else ()
