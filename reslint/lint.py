"""Anatomy and rules in, findings out: which rules run, what they say, in which order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from reslint.anatomy import Anatomy
from reslint.anatomy.values import listed
from reslint.anatomy.views.fingerprint import Home, homes, layers
from reslint.anatomy.views.source import class_of, where
from reslint.errors import UnknownRule
from reslint.finding import Confidence, Finding, Severity
from reslint.measure import Signal
from reslint.net import Net, Op
from reslint.rules import Draft, Rule, Settings

_SURE = (Confidence.PROVEN, Confidence.LIKELY, Confidence.POSSIBLE)


def choose(
    rules: Iterable[Rule], select: Sequence[str] = (), ignore: Sequence[str] = (), profile: str = "ship"
) -> tuple[Rule, ...]:
    """The rules to run. A selector is a rule's name, its family or its first word; a rule that is named runs in any profile.

    Raises UnknownRule for a selector that fits nothing.
    """
    rules = tuple(rules)
    for selector in (*select, *ignore):
        if not any(_fits(selector, rule) for rule in rules):
            raise UnknownRule(f"no rule or family is called {selector!r}{nearest(selector, _selectors(rules))}")
    return tuple(
        rule
        for rule in rules
        if (not select or any(_fits(s, rule) for s in select))
        and not any(_fits(s, rule) for s in ignore)
        and (profile == "design" or not rule.design or rule.name in select)
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no known name comes close."""
    close = get_close_matches(name.lower(), sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def unknown_rule(name: str, rules: Iterable[Rule]) -> UnknownRule:
    """The error for a name that no rule has; of a family its rules are named."""
    rules = tuple(rules)
    family = [rule.name for rule in rules if rule.family == name]
    if family:
        return UnknownRule(f"{name!r} is a family, not a rule; its rules are {', '.join(family)}")
    return UnknownRule(f"no rule is called {name!r}{nearest(name, (rule.name for rule in rules))}")


def regraded(findings: Iterable[Finding], severities: Mapping[str, Severity]) -> Iterator[Finding]:
    """The findings as bad as the configuration says that their rules are."""
    for finding in findings:
        yield replace(finding, severity=severities.get(finding.rule, finding.severity))


def lint(
    anatomy: Anatomy,
    rules: Iterable[Rule],
    settings: Settings,
    path: str,
    least: Confidence = Confidence.LIKELY,
    measured: Sequence[object] = (),
) -> Iterator[Finding]:
    """What the rules find at least so sure in the anatomy, or in what was measured; by place in the graph, then rule."""
    return (finding for finding, _ in drafted(anatomy, rules, settings, path, least, measured))


def drafted(
    anatomy: Anatomy,
    rules: Iterable[Rule],
    settings: Settings,
    path: str,
    least: Confidence = Confidence.LIKELY,
    measured: Sequence[object] = (),
) -> Iterator[tuple[Finding, Draft]]:
    """The same, each with what its rule said of it."""
    drafts = [(rule, draft) for rule in rules for draft in _drafts(rule, anatomy, settings, measured)]
    drafts = [(rule, draft) for rule, draft in drafts if not _is_explained(rule, draft, drafts)]
    if not drafts:
        return
    around = dict(_around(anatomy.net, ()))
    sure = _SURE[: _SURE.index(least) + 1]
    ordered = sorted(drafts, key=lambda d: (_place(d[1], around), d[0].name, d[1].op.id))
    places = homes(anatomy, {(id(draft.net), draft.op.id) for _, draft in drafts})
    seen: Counter[str] = Counter()
    for rule, draft in ordered:
        what = _what(rule, draft, places)
        seen[what] += 1
        if (draft.confidence or rule.confidence) in sure:
            yield _finding(rule, draft, path, _place(draft, around)[0], fingerprint(what, seen[what])), draft


def _drafts(rule: Rule, anatomy: Anatomy, settings: Settings, measured: Sequence[object]) -> Iterator[Draft]:
    """What a rule says to the anatomy, or to measurements; with these a static rule only speaks if they can prove it."""
    for subject in measured or (anatomy,):
        unsure = isinstance(subject, Signal) and subject.made_up
        yield from (_unproven(draft) if unsure else draft for draft in rule(subject, settings))
    for signal in measured if rule.proof is not None else ():
        if isinstance(signal, Signal):
            yield from (rule.tried(draft, signal) for draft in rule(anatomy, settings))


def _is_explained(rule: Rule, draft: Draft, drafts: Sequence[tuple[Rule, Draft]]) -> bool:
    """Whether a rule with a name of its own for it warns of what this draft says in general."""
    if not draft.explained_at:
        return False
    alike = {op.id for op in draft.related}
    for other, said in drafts:
        places = {said.op.id, *(op.id for op in said.related)}
        warns = (said.severity or other.severity) >= Severity.WARNING
        if other is not rule and warns and not draft.explained_at.isdisjoint(places) and alike.isdisjoint(places):
            return True
    return False


def _unproven(draft: Draft) -> Draft:
    """What was measured with weights that are no one's proves nothing."""
    return replace(draft, confidence=draft.confidence or Confidence.LIKELY)


def fingerprint(what: str, rank: int) -> str:
    """What stays the same when a model is exported anew: what was found on what, and which of those that are the same."""
    return hashlib.sha256(f"{what} #{rank}".encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _what(rule: Rule, draft: Draft, places: Mapping[tuple[int, str], Home]) -> str:
    """A rule's finding by structure: the block it lies in, on which side, at which layer. Exporters agree on no more.

    A merge is none of them: an optimizer puts it into one.
    """
    home = places.get((id(draft.net), draft.op.id), Home("", ""))
    layer = "" if home.side == "merge" else listed(layers(draft.net, (draft.op,)))
    return " / ".join((rule.name, home.block, home.side, layer))


def _fits(selector: str, rule: Rule) -> bool:
    return selector in (rule.name, rule.family, rule.name.partition("-")[0])


def _selectors(rules: Iterable[Rule]) -> frozenset[str]:
    return frozenset(name for rule in rules for name in (rule.name, rule.family))


def _around(net: Net, places: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """For each net, by its identity, the places of the ops whose bodies it lies in."""
    yield id(net), places
    for op in net.ops:
        for body in op.bodies:
            yield from _around(body, (*places, op.place))


def _place(draft: Draft, around: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    return (*around.get(id(draft.net), ()), draft.op.place)


def _finding(rule: Rule, draft: Draft, path: str, place: int, known_by: str) -> Finding:
    module, source = where(draft.op)
    module, source = (module if draft.module is None else draft.module), draft.source or source
    return Finding(
        rule=rule.name,
        family=rule.family,
        severity=draft.severity or rule.severity,
        confidence=draft.confidence or rule.confidence,
        message=draft.message,
        path=path,
        tensor=draft.op.id,
        node=_name(draft.op),
        help=draft.help,
        related=tuple(_name(op) for op in draft.related),
        module=module,
        kind=class_of(draft.op) if draft.module is None else None,
        file=source.file if source else None,
        line=source.line if source else None,
        code=source.text if source else "",
        fingerprint=known_by,
        evidence={name: _listed(value) for name, value in draft.evidence.items()},
        lines=draft.lines,
        place=place,
    )


def _name(op: Op) -> str:
    return op.name or op.id


def _listed(value: object) -> object:
    """Evidence as JSON has it, so that it is the same from a cache and from another process."""
    if isinstance(value, dict):
        return {str(key): _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value
