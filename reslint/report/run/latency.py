"""A measured latency in, what a person wants to know of it out: percentiles, the ratio, and which blocks take the time."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from reslint.measure import Latency, Ratio, Step
from reslint.report.common.plain import counted, plain

INDENT = "    "


def lines(found: Latency) -> Iterator[str]:
    """How long it took, and how long beside its reference."""
    how = f"{counted(found.runs, 'run')} on {found.provider}, {counted(found.threads, 'thread')}"
    yield f"  latency over {how}, in milliseconds"
    percentiles = {"p50": found.p50, "p90": found.p90, "p95": found.p95, "p99": found.p99}
    for name, value in percentiles.items():
        yield f"{INDENT}{name}  {value:.3g}{_between(found.intervals.get(name))}"
    if found.start is not None:
        yield f"{INDENT}cold start {found.start.session:.3g} to load, {found.start.first:.3g} for the first run"
        yield f"{INDENT}throughput {1000 / found.p50:.4g} runs a second, peak memory {found.start.memory / 2**20:.0f} MiB"
    if found.where:
        yield f"{INDENT}on {', '.join(f'{name} {plain(value)}' for name, value in found.where.items())}"
    if found.ratio is not None:
        yield f"{INDENT}{_ratio(found.ratio)}"


def shares(found: Latency) -> Iterator[tuple[str, str]]:
    """The rest of the time, in words, that lies in no block."""
    yield from ((share.rest, f"{share.share:.1%}") for share in found.shares if share.block is None)


SWEPT = ("at", "p50", "low", "high", "a second", "load", "first run", "peak MiB")


def steps(step: Step) -> tuple[str, ...]:
    """A row of a sweep: the median with its interval, throughput, cold start and memory."""
    at, found = f"{plain(step.dimension)}={step.size}", step.latency
    if found is None or found.start is None:
        return f"{at}: {plain(step.failed)}", *[""] * (len(SWEPT) - 1)
    low, high = found.intervals["p50"]
    numbers = (found.p50, low, high, step.throughput, found.start.session, found.start.first)
    return at, *(f"{value:.3g}" for value in numbers), f"{found.start.memory / 2**20:.0f}"


def _between(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"  (95 percent: {low:.3g} to {high:.3g})" if isfinite(high) else f"  (95 percent: at least {low:.3g})"


def _ratio(ratio: Ratio) -> str:
    said = f"{ratio.median:.3f} times {plain(ratio.against)} (95 percent: {ratio.low:.3f} to {ratio.high:.3f})"
    return f"{said}; may be {ratio.most:g}: {ratio.decision}" if isfinite(ratio.most) else said
