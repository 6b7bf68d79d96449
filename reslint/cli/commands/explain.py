"""`reslint explain RULE` prints the rule's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from reslint.cli import pages
from reslint.cli.options.declare import Argument, Asked
from reslint.cli.options.declare import command as declared
from reslint.cli.output.streams import emit


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(Asked):
    """What a user asks `reslint explain` for."""

    rule: Annotated[str, Argument("RULE", complete=pages.rule)]


@declared("explain", ExplainOptions)
def command(options: ExplainOptions) -> int:
    """Print the page of a RULE.

    It says what the rule does, why that is bad, shows examples, and when to ignore it.
    """
    from reslint.errors import UnknownRule
    from reslint.lint import nearest
    from reslint.rules import ALL

    rule = options.rule
    names = [known.name for known in ALL]
    if rule not in names:
        raise UnknownRule(f"no rule is called {rule!r}{nearest(rule, names)}")
    file = pages.page(rule)
    if file is None:
        raise UnknownRule(f"{rule} has no page in this version; `reslint rules` says in a line what it finds")
    emit(file.read_text("utf-8"), None)
    return 0
