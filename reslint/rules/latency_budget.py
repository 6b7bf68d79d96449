"""A measured latency in, percentiles over the budget out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Latency
from reslint.rules._support.words import output_op
from reslint.rules.rule import Draft, Settings, rule


@rule("latency-budget", "latency", Severity.ERROR, Confidence.PROVEN)
def latency_budget(latency: Latency, settings: Settings) -> Iterator[Draft]:
    """A percentile of the latency is over the configured budget."""
    net = latency.anatomy.net
    took = {"p50": latency.p50, "p90": latency.p90, "p95": latency.p95, "p99": latency.p99}
    budget = settings.latency.get(latency.provider, settings.latency.get("", {}))
    over = {name: limit for name, limit in budget.items() if took[name] > limit}
    op = output_op(net)
    threads = "1 thread" if latency.threads == 1 else f"{latency.threads} threads"
    if over and op is not None:
        yield Draft(
            op,
            net,
            "; ".join(f"{name} is {took[name]:.3g} ms, the budget {limit:.3g} ms" for name, limit in over.items()),
            "make the model faster, or raise the budget",
            {
                **took,
                "budget": dict(budget),
                "provider": latency.provider,
                "runs": latency.runs,
                "threads": latency.threads,
            },
            lines=(("measured", f"{latency.runs} runs on {latency.provider}, {threads}"),),
        )
