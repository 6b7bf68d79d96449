"""`reslint explain RULE` prints the rule's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from reslint.cli import pages
from reslint.cli.options.catalogued import Catalogued
from reslint.cli.options.declare import FORMAT, Argument, Option
from reslint.cli.options.declare import command as declared
from reslint.cli.output.streams import colored, emit, terminal


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(Catalogued):
    """What a user asks `reslint explain` for."""

    rule: Annotated[str, Argument("RULE", complete=pages.rule)]
    output: Annotated[
        str | None, Option("Write the page to FILE instead of standard output.", short="o", metavar="FILE")
    ] = None
    format: Annotated[Literal["text", "markdown"], FORMAT] = "text"


@declared("explain", ExplainOptions)
def command(options: ExplainOptions) -> int:
    """Print the page of a RULE.

    The page says what the rule does, why that is bad and when to ignore it, and it shows examples.
    """
    from reslint.cli.output.catalogue import page
    from reslint.errors import UnknownRule
    from reslint.lint import unknown_rule

    name = options.rule
    every = options.rules()
    rule = next((known for known in every if known.name == name), None)
    if rule is None:
        raise unknown_rule(name, every)
    file = pages.page(name)
    if file is None and not rule.page:
        raise UnknownRule(f"{name} has no page in this version; `reslint rules` gives a one-line summary")
    text = rule.page or (file.read_text("utf-8") if file else "")
    if options.format == "text":
        text = page(rule, text, terminal(options.output), colored("auto", options.output))
    emit(text, options.output)
    return 0
