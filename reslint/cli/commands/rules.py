"""`reslint rules` lists all rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Literal

import click

from reslint.cli.options.catalogued import Catalogued
from reslint.cli.options.declare import FORMAT, Option
from reslint.cli.options.declare import command as declared
from reslint.cli.output.streams import colored, emit, terminal


@dataclass(frozen=True, kw_only=True)
class RulesOptions(Catalogued):
    """What a user asks `reslint rules` for."""

    output: Annotated[
        str | None, Option("Write the result to FILE instead of standard output.", short="o", metavar="FILE")
    ] = None
    format: Annotated[Literal["text", "json"], FORMAT] = "text"


@declared("rules", RulesOptions)
def command(options: RulesOptions) -> int:
    """List all rules by family: name, severity, confidence, and what each finds.

    Rules marked D matter only before training. They run with --profile design, or when --select names them.
    """
    from reslint.cli.output.catalogue import entry, table

    if options.format == "json":
        text = json.dumps([entry(rule) for rule in options.rules()], indent=2) + "\n"
    else:
        text = "".join(f"{line}\n" for line in table(options.rules(), terminal(options.output).width))
        text = text if colored("auto", options.output) else click.unstyle(text)
    emit(text, options.output)
    return 0
