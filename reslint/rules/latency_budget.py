"""A measured latency in, percentiles over the budget out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reslint.finding import Confidence, Severity
from reslint.measure import Latency
from reslint.net import Op
from reslint.rules._support.words import output_op
from reslint.rules.rule import Draft, Settings, rule


@rule("latency-budget", "latency", Severity.ERROR, Confidence.PROVEN)
def latency_budget(latency: Latency, settings: Settings) -> Iterator[Draft]:
    """A latency percentile exceeds the configured budget."""
    net = latency.anatomy.net
    budget = settings.latency.get(latency.provider, settings.latency.get("", {}))
    op = output_op(net)
    for severity, decision in ((None, "over"), (Severity.NOTE, "undecided")):
        found = {name: limit for name, limit in budget.items() if latency.beside(name, limit) == decision}
        if found and op is not None:
            yield _draft(latency, op, found, budget, severity)
            return


def _draft(
    latency: Latency, op: Op, found: Mapping[str, float], budget: Mapping[str, float], severity: Severity | None
) -> Draft:
    took = {"p50": latency.p50, "p90": latency.p90, "p95": latency.p95, "p99": latency.p99}
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    says = (
        f"{name} is {took[name]:.3g} ms{_between(latency, name)}; the budget is {limit:.3g} ms"
        for name, limit in found.items()
    )
    return Draft(
        op,
        latency.anatomy.net,
        f"{'undecided: ' if severity else ''}{'; '.join(says)}",
        "increase --runs, or measure on an otherwise idle machine"
        if severity
        else "make the model faster, or raise the budget",
        {
            **took,
            "budget": dict(budget),
            "decision": "undecided" if severity else "over",
            "intervals": {name: list(latency.intervals[name]) for name in found if name in latency.intervals},
            "provider": latency.provider,
            "runs": latency.runs,
            "threads": latency.threads,
        },
        lines=(("measured", f"{latency.runs} runs on {latency.provider}, {threads}"),),
        severity=severity,
    )


def _between(latency: Latency, name: str) -> str:
    if name not in latency.intervals:
        return ""
    low, high = latency.intervals[name]
    return f" (95 percent: {low:.3g} to {high:.3g})"
