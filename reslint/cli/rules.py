"""`reslint rules`: the list of all rules out."""

from __future__ import annotations

import click


@click.command("rules")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(style: str) -> int:
    """List all rules: name, family, severity, confidence, summary."""
    from reslint.report import rules_json, rules_text
    from reslint.rules import ALL

    return 0
