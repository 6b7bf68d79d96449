"""Findings and the entries that allow some of them in, what is still to be said out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from reslint.config import Config
from reslint.finding import Finding
from reslint.result import Suppressed
from reslint.settings import Allowance

_FINGERPRINT = re.compile(r"[0-9a-f]{6,16}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one model's findings are after the entries of the configuration, and the ranks of those that were of use."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    used: tuple[int, ...]


def allowed(findings: Iterable[Finding], config: Config, today: date) -> Allowed:
    """Leave out the findings that an entry allows today."""
    kept: list[Finding] = []
    used: set[int] = set()
    suppressed: list[Suppressed] = []
    entries = [(rank, entry) for rank, entry in enumerate(config.allow) if not expired(entry, today)]
    for finding in findings:
        fitting = [rank for rank, entry in entries if _fits(entry, finding, config)]
        used.update(fitting)
        if fitting:
            suppressed.append(Suppressed(finding, config.allow[fitting[0]].reason))
        else:
            kept.append(finding)
    return Allowed(tuple(kept), tuple(suppressed), tuple(sorted(used)))


def expired(entry: Allowance, today: date) -> bool:
    """Whether an entry's last day is over."""
    return entry.expires is not None and entry.expires < today


def idle(config: Config, ran: Mapping[str, Collection[str]], used: Collection[int], today: date) -> Iterator[str]:
    """What is to be said of entries that allow nothing, though their rules ran (`ran`, by model) on their models."""
    for rank, entry in enumerate(config.allow):
        looked = any(entry.rule in rules and config.matches(path, entry.model) for path, rules in ran.items())
        where = f"allow {entry.rule} in {entry.model!r} at {entry.at!r}"
        if expired(entry, today):
            yield f"{where} expired on {entry.expires}: {entry.reason}"
        elif looked and rank not in used:
            yield f"{where} is unused: it no longer matches any finding"


def _fits(entry: Allowance, finding: Finding, config: Config) -> bool:
    """Whether an entry means a finding: by its fingerprint, or a glob of its module, node or tensor."""
    if entry.rule != finding.rule or not config.matches(finding.path, entry.model):
        return False
    if _FINGERPRINT.fullmatch(entry.at) and finding.fingerprint.startswith(entry.at):
        return True
    places = (finding.module or "", finding.node, finding.tensor)
    return any(entry.at == place or fnmatchcase(place, entry.at) for place in places)
