"""Measured latencies in, their charts out: percentiles, the ratio to a reference, and what each block takes of the time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reslint.anatomy.views.source import module_of
from reslint.measure import Latency, Ratio, Share
from reslint.report.common.plain import counted
from reslint.report.html.charts import Chart, Scale, Strip, Track, columns, linear, places, up_ticks
from reslint.report.html.numbers import measured


def latency_charts(latencies: Sequence[Latency]) -> Iterator[Chart | Strip]:
    """The percentiles of all, then what only some have."""
    if latencies:
        yield _percentiles(latencies)
    for one in latencies:
        if one.ratio:
            yield _ratio(one.provider, one.ratio)
        if one.shares:
            yield _shares(one.provider, one.shares)


def _percentiles(latencies: Sequence[Latency]) -> Strip:
    rows = [(one, name, value) for one in latencies for name, value in _values(one)]
    scale = linear([*(value for *_, value in rows), *(end for one in latencies for end in _ends(one))])
    told = (
        f"{one.provider}, {counted(one.threads, 'thread')}: half of {one.runs} runs took up to {one.p50:.3g} ms"
        for one in latencies
    )
    return Strip(
        "Latency",
        f"{'; '.join(told)}.",
        "milliseconds that so many percent of all runs took at most; the line is sure at 95 percent",
        ("provider", "percentile", "ms", "from", "to"),
        tuple((one.provider, name, measured(value), *_interval(one, name)) for one, name, value in rows),
        tuple(scale.ticks_across(lambda v: f"{v:g}")),
        tuple(
            Track(f"{one.provider} {name}", (scale.at(value),), f"{value:.3g} ms", spread=_spread(one, name, scale))
            for one, name, value in rows
        ),
    )


def _values(one: Latency) -> tuple[tuple[str, float], ...]:
    return ("p50", one.p50), ("p90", one.p90), ("p95", one.p95), ("p99", one.p99)


def _ends(one: Latency) -> Iterator[float]:
    return (end for ends in one.intervals.values() for end in ends if math.isfinite(end))


def _interval(one: Latency, name: str) -> tuple[str, str]:
    low, high = one.intervals.get(name, (None, None))
    return measured(low), measured(high)


def _spread(one: Latency, name: str, scale: Scale) -> tuple[float, float] | None:
    if name not in one.intervals:
        return None
    low, high = one.intervals[name]
    return scale.at(low), scale.at(high) if math.isfinite(high) else 100.0


def _ratio(provider: str, ratio: Ratio) -> Strip:
    most = ratio.most if math.isfinite(ratio.most) else 1.0
    scale = linear((ratio.high, most))
    numbers = (ratio.median, ratio.low, ratio.high)
    middle, low, high = map(scale.at, numbers)
    decided = f"; it may be {most:.3g}: {ratio.decision}" if math.isfinite(ratio.most) else ""
    return Strip(
        "Latency ratio",
        f"{ratio.median:.3g} times as long as {ratio.against}, run in turns; 95 percent sure that it is "
        f"between {ratio.low:.3g} and {ratio.high:.3g}{decided}.",
        f"times as long as the reference (the mark is {most:.3g})",
        ("against", "median", "low", "high"),
        ((ratio.against, *map(measured, numbers)),),
        tuple(scale.ticks_across(lambda v: f"{v:g}")),
        (
            Track(
                provider,
                (middle,),
                f"{ratio.median:.3g}",
                "bad" if ratio.low > most else "",
                (low, high),
                scale.at(most),
            ),
        ),
    )


def _shares(provider: str, shares: Sequence[Share]) -> Chart:
    names = [_name(one) for one in shares]
    percent = [100 * one.share for one in shares]
    scale = linear(percent)
    most = max(range(len(shares)), key=percent.__getitem__)
    return Chart(
        "Time by block",
        f"On {provider}. Most: {names[most]} takes {percent[most]:.1f} %.",
        "block, then the rest",
        "% of the time",
        ("", "block", "share of the time"),
        tuple((str(n), name, f"{share:.2f} %") for n, (name, share) in enumerate(zip(names, percent, strict=True), 1)),
        places(1, len(shares)),
        up_ticks(scale, lambda v: f"{v:g}"),
        columns(percent, scale, [f"{name}: {share:.1f} %" for name, share in zip(names, percent, strict=True)]),
    )


def _name(one: Share) -> str:
    if one.block is None:
        return one.rest
    op = one.block.merge
    return module_of(op) or op.name or op.id
