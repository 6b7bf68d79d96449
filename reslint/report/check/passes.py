"""What a rule looked at in, why it did not fire out: as text for a person, or JSON of the schema reslint.passes/1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from reslint.finding import Finding
from reslint.report.common.plain import counted, plain

SCHEMA = "reslint.passes/1"
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Miss:
    """A place at which a rule came near to firing, and why it did not."""

    tensor: str
    node: str
    module: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What one rule did in one model; `reasons` says whether the rule tells of near misses at all."""

    path: str
    rule: str
    findings: tuple[Finding, ...]
    misses: tuple[Miss, ...]
    looked_at: Mapping[str, int]
    reasons: bool


def render(models: Iterable[Explained], style: str, *, color: bool = False, verbose: bool = False) -> str:
    """All models, in one of the two formats."""
    if style == "json":
        return json.dumps({"schema": SCHEMA, "models": [_model(model) for model in models]}, indent=2) + "\n"
    text = "\n".join("".join(f"{line}\n" for line in _lines(model, verbose)) for model in models)
    return text if color else click.unstyle(text)


def _model(model: Explained) -> dict[str, object]:
    return {
        "path": model.path,
        "rule": model.rule,
        "findings": len(model.findings),
        "reasons": model.reasons,
        "looked_at": dict(model.looked_at),
        "passes": [{"tensor": m.tensor, "node": m.node, "module": m.module, "why": m.why} for m in model.misses],
    }


def _lines(model: Explained, verbose: bool) -> Iterator[str]:
    found = counted(len(model.findings), "finding") if model.findings else "nothing found"
    near = counted(len(model.misses), "near miss").replace("misss", "misses")
    told = near if model.misses else "no near miss" if model.reasons else "and the rule reports no near misses"
    yield f"{click.style(plain(model.path), bold=True)}: {model.rule}: {found}, {told}"
    for finding in model.findings:
        yield f"    ! {plain(finding.module or finding.node)}: {plain(finding.message)}"
    for why, misses in _by_reason(model.misses).items():
        yield f"    {plain(why)}"
        yield f"        {_places(misses, verbose)}"
    looked_at = ", ".join(counted(n, what.replace("_", " ").removesuffix("s")) for what, n in model.looked_at.items())
    yield f"    looked at {looked_at}"


def _by_reason(misses: Sequence[Miss]) -> Mapping[str, Sequence[Miss]]:
    found: dict[str, list[Miss]] = {}
    for miss in misses:
        found.setdefault(miss.why, []).append(miss)
    return found


def _places(misses: Sequence[Miss], verbose: bool) -> str:
    shown = misses if verbose else misses[:_NAMED]
    names = ", ".join(plain(miss.module or miss.node) for miss in shown)
    more = len(misses) - len(shown)
    return f"at {names}{f' and {more} more' if more else ''}"
