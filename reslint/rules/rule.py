"""The decorator that makes a generator a rule, and the draft of a finding that a rule yields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import NamedTuple, TypeVar, get_type_hints

from reslint.anatomy.values import Source
from reslint.finding import Confidence, Evidence, Severity
from reslint.measure import Signal
from reslint.net import Net, Op
from reslint.net.edit import Edit
from reslint.settings import Settings

__all__ = ["Draft", "Pass", "Proof", "Rule", "Settings", "rule"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before it knows its file: what a rule says at an op.

    Severity and confidence override the rule's own, module and source those of the op. `mend` makes the edits that remove
    it, where the model's structure tells all that they need. Where another rule warns at one of the ops `explained_at` (by
    first output), and not at one of `related` as well, it tells the same cause by its name, and this draft falls.
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
    module: str | None = None
    source: Source | None = None
    explained_at: frozenset[str] = frozenset()


class Pass(NamedTuple):
    """A near miss: a place where a rule looked closely and did not fire, and why.

    One that costs something to find is yielded only where `settings.explain` asks for it.
    """

    op: Op
    net: Net
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run says about a finding that was made without one: whether it is so, and in words and numbers why."""

    confirmed: bool
    says: str
    evidence: Evidence


S = TypeVar("S")
Prove = Callable[[Draft, Signal], Proof | None]
Said = Draft | Pass
Check = Callable[[object, Settings], Iterator[Said]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its name, family and defaults; `design` marks one that only matters before training.

    `fixable` says that `--fix` removes what it finds. `reasons` says whether it tells of near misses. `proof` confirms or
    refutes what it found without a run, None where that can't be done. `options` is the dataclass of a project's own rule,
    `origin` where that comes from, and `page` its page.
    """

    name: str
    family: str
    severity: Severity
    confidence: Confidence
    summary: str
    subject: type
    check: Check
    design: bool = False
    reasons: bool = False
    proof: Prove | None = None
    fixable: bool = False
    options: type | None = None
    origin: str = ""
    page: str = ""

    def __call__(self, subject: object, settings: Settings) -> Iterator[Draft]:
        yield from (said for said in self.check(subject, settings) if isinstance(said, Draft))

    def tried(self, draft: Draft, signal: Signal) -> Draft:
        """A draft as a run leaves it: proven, or a note that says what refutes it, or as it was where nothing is decided."""
        proof = self.proof(draft, signal) if self.proof is not None else None
        if proof is None:
            return draft
        word = "confirmed" if proof.confirmed else "refuted"
        return replace(
            draft,
            message=f"{draft.message}; {word} by running: {proof.says}",
            evidence={**draft.evidence, "run": word, **proof.evidence},
            severity=draft.severity if proof.confirmed else Severity.NOTE,
            confidence=Confidence.PROVEN,
        )

    def passes(self, subject: object, settings: Settings) -> Iterator[Pass]:
        """Where the rule came near to firing, and why it did not."""
        asked = replace(settings, explain=True)
        yield from (said for said in self.check(subject, asked) if isinstance(said, Pass))


def rule(
    name: str,
    family: str,
    severity: Severity,
    confidence: Confidence,
    *,
    design: bool = False,
    proof: Prove | None = None,
    fixable: bool = False,
    options: type | None = None,
) -> Callable[[Callable[[S, Settings], Iterable[Said]]], Rule]:
    """Make a generator of drafts a rule. Its first parameter's type is its subscription, its docstring its summary."""

    def made(check: Callable[[S, Settings], Iterable[Said]]) -> Rule:
        hints = get_type_hints(check)
        named = [hints.get(parameter) for parameter in inspect.signature(check).parameters]
        if len(named) != 2 or named[0] is None or "return" not in hints:
            raise TypeError(f"{name}: a rule is a generator of a subject and settings, with their types and its own")
        kind: type[S] = named[0]
        summary = (inspect.getdoc(check) or "").split("\n")[0]

        @wraps(check)
        def judged(subject: object, settings: Settings) -> Iterator[Said]:
            if isinstance(subject, kind):
                yield from check(subject, settings)

        reasons = hints["return"] == Iterator[Said]
        return Rule(name, family, severity, confidence, summary, kind, judged, design, reasons, proof, fixable, options)

    return made
