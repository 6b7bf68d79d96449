"""The decorator that makes a generator a rule, and the draft of a finding that a rule yields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar, get_type_hints

from reslint.finding import Confidence, Evidence, Severity
from reslint.net import Net, Op
from reslint.net.edit import Edit
from reslint.settings import Settings

__all__ = ["Draft", "Rule", "Settings", "rule"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before it knows its file: what a rule says at an op. Severity and confidence override the rule's own.

    `mend` makes the edits that remove it, where the model's structure tells all that they need.
    """

    op: Op
    net: Net
    message: str
    help: str
    evidence: Evidence
    lines: tuple[tuple[str, str], ...] = ()
    related: tuple[Op, ...] = ()
    severity: Severity | None = None
    confidence: Confidence | None = None
    mend: Callable[[], Iterable[Edit]] | None = None


S = TypeVar("S")
Check = Callable[[object, Settings], Iterator[Draft]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its name, family and defaults; `design` marks one that only matters before training."""

    name: str
    family: str
    severity: Severity
    confidence: Confidence
    summary: str
    subject: type
    check: Check
    design: bool = False

    def __call__(self, subject: object, settings: Settings) -> Iterator[Draft]:
        yield from self.check(subject, settings)


def rule(
    name: str, family: str, severity: Severity, confidence: Confidence, *, design: bool = False
) -> Callable[[Callable[[S, Settings], Iterable[Draft]]], Rule]:
    """Make a generator of drafts a rule. Its first parameter's type is its subscription, its docstring its summary."""

    def made(check: Callable[[S, Settings], Iterable[Draft]]) -> Rule:
        kind: type[S] = get_type_hints(check)[next(iter(inspect.signature(check).parameters))]
        summary = (inspect.getdoc(check) or "").split("\n")[0]

        @wraps(check)
        def judged(subject: object, settings: Settings) -> Iterator[Draft]:
            if isinstance(subject, kind):
                yield from check(subject, settings)

        return Rule(name, family, severity, confidence, summary, kind, judged, design)

    return made
