"""`reslint explain RULE`: the rule's page out."""

from __future__ import annotations

import click

from reslint.cli import pages
from reslint.cli.output.streams import emit


@click.command("explain")
@click.argument("rule", shell_complete=pages.rule)
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
    file = pages.page(rule)
    if file is None:
        raise UnknownRule(f"{rule} has no page in this version; `reslint rules` says in a line what it finds")
    emit(file.read_text("utf-8"), None)
    return 0
