"""`reslint explain RULE`: the rule's page out."""

from __future__ import annotations

from pathlib import Path

import click

from reslint.cli.output import emit

PACKAGE = Path(__file__).parents[1]
PAGES = (PACKAGE / "pages", PACKAGE.parent / "rules")
"""Where the pages lie: inside an installed package, or beside it in a checkout."""


@click.command("explain")
@click.argument("rule")
def command(rule: str) -> int:
    """Print the page of a RULE.

    It says what the rule does, why that is bad, shows examples, and when to ignore it.
    """
    from reslint.errors import UnknownRule
    from reslint.lint import nearest
    from reslint.rules import ALL

    names = [known.name for known in ALL]
    if rule not in names:
        raise UnknownRule(f"no rule is called {rule!r}{nearest(rule, names)}")
    file = page(rule)
    if file is None:
        raise UnknownRule(f"{rule} has no page in this version; `reslint rules` says in a line what it finds")
    emit(file.read_text("utf-8"), None)
    return 0


def page(rule: str) -> Path | None:
    """A rule's page, None where it has none."""
    return next((file for folder in PAGES if (file := folder / f"{rule}.md").is_file()), None)
