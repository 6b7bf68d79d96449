"""`reslint rules` lists all rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from reslint.cli.options.declare import FORMAT, Asked
from reslint.cli.options.declare import command as declared
from reslint.cli.output.streams import emit

if TYPE_CHECKING:
    from reslint.rules import Rule


@dataclass(frozen=True, kw_only=True)
class RulesOptions(Asked):
    """What a user asks `reslint rules` for."""

    format: Annotated[Literal["text", "json"], FORMAT] = "text"


@declared("rules", RulesOptions)
def command(options: RulesOptions) -> int:
    """List all rules: name, family, severity, confidence, summary.

    Those marked `design` only matter before training, and run with --profile design, or when they are named.
    """
    from reslint.rules import ALL

    lines = _table(ALL) if options.format == "text" else [json.dumps([_entry(rule) for rule in ALL], indent=2)]
    emit("".join(f"{line}\n" for line in lines), None)
    return 0


def _entry(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "family": rule.family,
        "severity": str(rule.severity),
        "confidence": str(rule.confidence),
        "profiles": ["design"] if rule.design else ["ship", "design"],
        "summary": rule.summary,
    }


def _table(rules: Sequence[Rule]) -> Iterator[str]:
    rows = [(r.name, r.family, str(r.severity), str(r.confidence), "design" if r.design else "") for r in rules]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for rule, row in zip(rules, rows, strict=True):
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"{cells}  {rule.summary}"
