"""An own rule is run so that what goes wrong in it is told with its name, and hides nothing of other files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb

from reslint.errors import ReslintError, RuleFailed
from reslint.measure import Signal
from reslint.net import Net, Op
from reslint.net.edit import Edit
from reslint.rules import Draft, Pass, Rule
from reslint.rules.rule import Proof, Said
from reslint.settings import Settings

_RESLINT = str(Path(__file__).parents[1])


def guarded(rule: Rule, options: object) -> Rule:
    """The rule with its options in the settings, and with errors that name it: RuleFailed, whatever the rule raises."""

    def check(subject: object, settings: Settings) -> Iterator[Said]:
        with _named(rule):
            for said in rule.check(subject, replace(settings, own=options)):
                _refuse(said)
                yield _mending(rule, said)

    def proof(draft: Draft, signal: Signal) -> Proof | None:
        with _named(rule):
            return rule.proof(draft, signal) if rule.proof else None

    return replace(rule, check=check, proof=proof if rule.proof else None)


@contextmanager
def _named(rule: Rule) -> Iterator[None]:
    try:
        yield
    except ReslintError:
        raise
    except (
        Exception,
        SystemExit,
    ) as error:  # whatever the user's code does; an exit would end the whole run as it likes
        frames = extract_tb(error.__traceback__)
        at = next((frame for frame in reversed(frames) if not frame.filename.startswith(_RESLINT)), None)
        place = f" ({at.filename}:{at.lineno})" if at else ""
        says = f"{type(error).__name__}: {error}{place}"
        raise RuleFailed(f"the rule {rule.name} of {rule.origin} failed: {says}") from error


def _mending(rule: Rule, said: Said) -> Said:
    """The same, where the edits that mend it are made under the rule's name."""
    if isinstance(said, Pass) or said.mend is None:
        return said
    make = said.mend

    def mend() -> Iterable[Edit]:
        with _named(rule):
            return tuple(make())

    return replace(said, mend=mend)


def _refuse(said: object) -> None:
    """Raise TypeError for what a report could not show."""
    if isinstance(said, Pass):
        return
    if not isinstance(said, Draft):
        raise TypeError(f"yields a {type(said).__name__}, where a Draft is wanted")
    if not isinstance(said.net, Net) or not all(isinstance(op, Op) for op in (said.op, *said.related)):
        raise TypeError("a Draft needs an Op and its Net, and related ones are Ops, too")
    if not isinstance(said.message, str) or not isinstance(said.help, str) or not said.message:
        raise TypeError("a Draft needs a message and a help, as text")
    if not all(isinstance(label, str) and isinstance(says, str) for label, says in said.lines):
        raise TypeError("the lines of a Draft are pairs of text")
    json.dumps(said.evidence)
