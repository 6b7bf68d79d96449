"""A latency measured in turns with a reference in, a finding where it is slower out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Latency
from reslint.rules._support.words import output_op
from reslint.rules.rule import Draft, Settings, rule


@rule("latency-regression", "latency", Severity.ERROR, Confidence.PROVEN)
def latency_regression(latency: Latency, settings: Settings) -> Iterator[Draft]:
    """The model is slower than its reference."""
    net, ratio = latency.anatomy.net, latency.ratio
    op = output_op(net)
    if ratio is not None and op is not None and ratio.low > settings.max_ratio:
        yield Draft(
            op,
            net,
            f"takes {ratio.median:.3f} times as long as {ratio.against} (95 percent: {ratio.low:.3f} to {ratio.high:.3f}), "
            f"and the limit is {settings.max_ratio:g}",
            "compare the two models with reslint diff, or raise max-ratio",
            {
                "ratio": ratio.median,
                "low": ratio.low,
                "high": ratio.high,
                "max_ratio": settings.max_ratio,
                "runs": latency.runs,
            },
        )
