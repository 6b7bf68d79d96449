"""depth-scaling finds that sizes drift with a module's depth or width, and tells which exponent would hold them."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import DRIFT, Scaling, Trend
from reslint.rules.rule import Draft, Settings, rule

_SAID = {
    "stream": "the stream",
    "stream_moves": "the stream's first updates",
    "output_moves": "the outputs' first updates",
}


@rule("depth-scaling", "flow", Severity.NOTE, Confidence.LIKELY)
def depth_scaling(found: Scaling, settings: Settings) -> Iterator[Draft]:
    """Sizes drift with width or depth, and which exponent would hold them."""
    blocks, net = found.anatomy.blocks, found.anatomy.net
    if not net.ops:
        return
    for trend in found.trends:
        if trend.verdict == "drifts":
            yield Draft(
                blocks[0].merge if blocks else net.ops[0],
                blocks[0].net if blocks else net,
                f"{_drifts(trend)}, from {trend.values[0]:g} to {trend.values[-1]:g}",
                _help(trend),
                {
                    "keyword": trend.keyword,
                    "values": list(trend.values),
                    "exponents": {name: trend.exponent(name).mean for name in _SAID},
                    "exponents_cut": {name: trend.exponent(name, cut=True).mean for name in _SAID}
                    if trend.cut
                    else None,
                    "remedy": trend.remedy,
                    "threshold": DRIFT,
                },
            )


def _drifts(trend: Trend) -> str:
    return " and ".join(
        f"{_SAID[name]} go{'es' if name == 'stream' else ''} as {trend.keyword}^{trend.exponent(name).mean:.2f}"
        for name in trend.drifting
    )


def _help(trend: Trend) -> str:
    if trend.deepens:
        return f"scale the branches by {trend.keyword}^{trend.remedy:.2f}, so that a rate found at one depth holds at another"
    return (
        f"scale the rate of the hidden weights by {trend.keyword}^{trend.remedy:.2f} (muP does by -1), "
        "or search it anew at each width"
    )
