"""`verdicts` says in a line each what measurements of a module's start mean, with the shortcuts and with all of them cut."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reslint.measure import (
    CONVERGED,
    UNDECIDED,
    Curvature,
    GradientFlow,
    Initialization,
    LearningRate,
    LeftOut,
    Measurement,
    Rates,
    Scaling,
    Spread,
    Trend,
)
from reslint.report.common.plain import counted

_LARGE = 1000.0  # from here on a factor is told as a power of two


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one measurement means: its name, a word, a sentence, and what it would be with all shortcuts cut."""

    name: str
    word: str
    says: str
    cut: str = ""


def verdicts(measured: Iterable[Measurement]) -> tuple[Verdict, ...]:
    """A verdict on each measurement of a module's start, in the order in which a reader asks."""
    found = {verdict.name: verdict for one in measured for verdict in _verdicts(one)}
    order = ("learning_rate", "initialization", "curvature", "gradient", "convergence", "scaling")
    return tuple(found[name] for name in order if name in found)


def _verdicts(one: Measurement) -> Iterator[Verdict]:
    if isinstance(one, Initialization):
        yield _initialization(one)
    elif isinstance(one, Curvature):
        yield _curvature(one)
    elif isinstance(one, GradientFlow) and len(one.places) > 1:
        yield _gradient(one)
    elif isinstance(one, LearningRate):
        yield _learning_rate(one)
        yield _convergence(one)
    elif isinstance(one, Scaling):
        yield _scaling(one)
    elif isinstance(one, LeftOut):
        yield Verdict(one.name, "left out", f"left out: {one.why}")


def _initialization(found: Initialization) -> Verdict:
    kept = found.kept.of_gradient
    if kept.mean != kept.mean:
        return Verdict("initialization", UNDECIDED, "undecided: no finite gradient reaches the first weight")
    says = f"first gradient x {doublings(kept.mean)} when weights double, outputs x {doublings(found.kept.of_outputs.mean)}"
    cut = f"x {doublings(found.cut.of_gradient.mean)}" if found.cut else ""
    return Verdict("initialization", found.verdict, says, cut)


def _curvature(found: Curvature) -> Verdict:
    most, of_cut = max(found.kept), max(found.cut or (math.nan,))
    cut = f"{of_cut:.2g}" if found.cut else ""
    if not most > 0:
        return Verdict("curvature", UNDECIDED, "undecided: the loss does not feel the parameters", cut)
    says = f"largest eigenvalue {most:.2g}, so rates below {found.rate:.2g} are stable (plain gradient descent)"
    return Verdict("curvature", found.verdict, says, cut)


def _gradient(flow: GradientFlow) -> Verdict:
    lost = flow.lost
    says = f"first {flow.unit} / last {flow.unit} {flow.kept.mean:.2g}"
    if lost is not None:
        says += f"; lost {counted(lost, flow.unit)} before the last of {len(flow.places)}"
    return Verdict("gradient", flow.verdict, says, "" if flow.plain else _ratio(flow.cut))


def _ratio(ratio: Spread) -> str:
    return f"{ratio.mean:.2g}" if ratio.mean == ratio.mean else "nothing arrives"


def _learning_rate(found: LearningRate) -> Verdict:
    best = found.widest
    without = found.without(best)
    cut = _range(without) if without is not None else ""
    says = f"trains {_range(best)} ({best.optimizer})"
    others = [f"{_range(rates)} ({rates.optimizer})" for rates in found.kept if rates is not best]
    told = "; ".join([says, *others]) + (f" (no time for {found.left_out})" if found.left_out else "")
    return Verdict("learning_rate", found.verdict, told, cut)


def _range(rates: Rates) -> str:
    """`at rates 0.001 to 0.3`, `at none of 7 tried`; where seeds part, that."""
    learned = rates.learned
    if len(learned) > 1:
        return f"at rates {learned[0]:g} to {learned[-1]:g}"
    if learned:
        return f"at the rate {learned[0]:g} alone"
    if rates.sometimes:
        return f"at {_listed(rates.sometimes)} for some seeds only: undecided"
    return f"at none of {len(rates.tried)} tried"


def _listed(rates: Sequence[float]) -> str:
    return " and ".join(f"{rate:g}" for rate in rates)


def _convergence(found: LearningRate) -> Verdict:
    best = min(found.kept, key=lambda rates: rates.fastest[1] if rates.fastest else math.inf)
    without = found.without(best)
    word = "converges" if best.fastest else UNDECIDED if _sometimes(best) else "does not converge"
    return Verdict(
        "convergence", word, f"loss to {CONVERGED:.0%} {_soon(best, found.steps)}", _cut(without, found.steps)
    )


def _cut(without: Rates | None, steps: int) -> str:
    return _soon(without, steps) if without is not None else ""


def _soon(rates: Rates, steps: int) -> str:
    if rates.fastest:
        return f"in {counted(rates.fastest[1], 'step')} at {rates.fastest[0]:g} ({rates.optimizer})"
    return f"for some seeds only within {steps} steps: undecided" if _sometimes(rates) else f"not in {steps} steps"


def _sometimes(rates: Rates) -> bool:
    return any(course.converged is not None for course in rates.courses)


def _scaling(found: Scaling) -> Verdict:
    says = "; ".join(f"{_trend(t, cut=False)}: {_held(t)}" for t in found.trends)
    return Verdict("scaling", found.verdict, says, "; ".join(_trend(t, cut=True) for t in found.trends if t.cut))


def _trend(trend: Trend, *, cut: bool) -> str:
    """`stream as depth^0.48, its updates as depth^0.90, those of the outputs as depth^0.10`."""
    names = (("stream", "stream"), ("stream_moves", "its updates"), ("output_moves", "those of the outputs"))
    powers = [(says, trend.exponent(name, cut=cut).mean) for name, says in names]
    return ", ".join(f"{says} as {trend.keyword}^{p:.2f}" for says, p in powers if p == p) or "no size has a logarithm"


def _held(trend: Trend) -> str:
    if trend.verdict != "drifts":
        return trend.verdict
    what = "branches" if trend.deepens else "the rate"
    left = f" (no time for {', '.join(f'{v:g}' for v in trend.left_out)})" if trend.left_out else ""
    return f"drifts, {what} times {trend.keyword}^{trend.remedy:.2f} would hold it{left}"


def doublings(power: float) -> str:
    """A factor that is a power of two, as a number as long as that can be read."""
    if power != power:
        return "?"
    return f"{2**power:.2g}" if abs(power) < math.log2(_LARGE) else f"2^{power:.0f}"
