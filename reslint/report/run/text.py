"""What a run measured in, tables for a person out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf

from reslint.anatomy.views.source import module_of
from reslint.measure import (
    Ablated,
    Ablation,
    Agreement,
    Difference,
    Fed,
    Felt,
    GradientFlow,
    Kept,
    Latency,
    Measurement,
    Sensitivity,
    Signal,
    Sweep,
    Tap,
    worst,
)
from reslint.net import Op
from reslint.report.common.plain import counted, plain
from reslint.report.flow import text as flow_text
from reslint.report.run.kept import told
from reslint.report.run.latency import SWEPT, lines, shares, steps
from reslint.report.run.over_inputs import spreads
from reslint.report.run.values import LARGEST

_INDENT = "    "
_MOST = 24  # rows; --verbose shows all
_WIDEST = 40
_FEW = 4


def tables(measured: Iterable[Measurement], verbose: bool) -> Iterator[str]:
    """One table for each kind of measurement."""
    measured = tuple(measured)
    yield from (f"  {line}" for line in flow_text.summary(measured))
    for one in measured:
        if isinstance(one, Fed):
            yield from (f"  fed {plain(line)}" for line in one.lines)
        if isinstance(one, Signal):
            yield from _signal(one, verbose)
        if isinstance(one, GradientFlow):
            yield f"  {flow_text.headline(one)}"
            yield from table(flow_text.heading(one), flow_text.rows(one), verbose) if one.places else ()
            yield from (f"{_INDENT}{line}" for line in flow_text.notes(one))
        if isinstance(one, Sensitivity):
            yield from _sensitivity(one, verbose)
        if isinstance(one, Ablation):
            yield from _ablation(one, verbose)
    yield from _agreements([one for one in measured if isinstance(one, Agreement)])
    yield from _spreads(measured)
    yield from _noises([one for one in worst(measured) if isinstance(one, Agreement) and one.blocks], verbose)
    for one in measured:
        if isinstance(one, Kept):
            yield from told(one, verbose)
        if isinstance(one, Sweep):
            yield f"  latency by size in ms, on {one.provider}"
            yield from table(SWEPT, [steps(step) for step in one.steps], verbose)
        if isinstance(one, Latency):
            yield from lines(one)
            yield from _shares(one, verbose)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], verbose: bool) -> Iterator[str]:
    """Columns under their headings: the first to the left, numbers to the right; the middle of a long table is left out."""
    cut = len(rows) > _MOST and not verbose
    shown = [*rows[: _MOST // 2], *rows[-(_MOST // 2) :]] if cut else rows
    widths = [max(len(row[at]) for row in (heading, *shown)) for at in range(len(heading))]
    for at, row in enumerate((heading, *shown)):
        if cut and at == _MOST // 2 + 1:
            yield f"{_INDENT}... {len(rows) - len(shown)} more; --verbose shows all"
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield f"{_INDENT}{'  '.join(cells)}".rstrip()


def name(op: Op) -> str:
    """An op as a row calls it, cut from the left where it is long."""
    text = plain(module_of(op) or op.name or op.id)
    return text if len(text) <= _WIDEST else f"...{text[3 - _WIDEST :]}"


def number(value: float | None) -> str:
    """Three digits, a dash for what is not known."""
    return "-" if value is None or value != value else f"{value:.3g}"


def _signal(signal: Signal, verbose: bool) -> Iterator[str]:
    if signal.taps:
        yield f"  signal at {counted(len(signal.taps), 'residual merge')}"
        yield from table(_COLUMNS, [_row(tap) for tap in signal.taps], verbose)
    zeros = [w for w in signal.weights if w.zero_rows]
    if zeros:
        rows = ", ".join(f"{w.zero_rows} of {w.rows} in {plain(w.name)}" for w in (zeros if verbose else zeros[:_FEW]))
        more = f", and in {len(zeros) - _FEW} more" if len(zeros) > _FEW and not verbose else ""
        yield f"  outputs whose weights are all zeros: {rows}{more}"
    if signal.untapped and signal.exits:
        yield f"  {counted(signal.untapped, 'block')} not tapped: those in bodies, concatenations and fused ops"


def _sensitivity(found: Sensitivity, verbose: bool) -> Iterator[str]:
    if found.felt:
        yield f"  sensitivity of the outputs to a small change of each stream, {found.directions} directions, seed {found.seed}"
        heading = ("block", "gain", "gradient", *(("cut: gain", "gradient", "alone") if found.ablated else ()))
        yield from table(heading, [_felt(felt, found.ablated) for felt in found.felt], verbose)
    if found.untouched:
        yield f"  {counted(found.untouched, 'block')} not perturbed: the stream is quantized, not float32, or fused away"


def _ablation(found: Ablation, verbose: bool) -> Iterator[str]:
    yield f"  {found.says}" + (f"; {counted(found.left, 'block')} can't be skipped" if found.left else "")
    if found.ablated:
        heading = ("block", "outputs move without it", "influence", "branch/stream", "CKA in to out")
        yield from table(heading, [_worth(one) for one in found.ablated], verbose)


def _worth(one: Ablated) -> tuple[str, ...]:
    moved = "-" if one.moved is None else f"{one.moved:.2%}"
    return name(one.block.merge), moved, *(number(v) for v in (one.influence, one.ratio, one.agreement))


def _felt(felt: Felt, ablated: bool) -> tuple[str, ...]:
    cut = (felt.cut_gain, felt.cut_gradient, felt.alone) if ablated else ()
    return name(felt.block.merge), *(number(value) for value in (felt.gain, felt.gradient, *cut))


_COLUMNS = ("block", "var shortcut", "branch", "ratio", "var stream", "peak", "peak/65504", "cosine")


def _row(tap: Tap) -> tuple[str, ...]:
    return (
        name(tap.block.merge),
        number(tap.shortcut.variance),
        number(tap.branch.variance),
        number(tap.ratio),
        number(tap.merged.variance),
        number(tap.merged.peak),
        number(tap.merged.peak / LARGEST),
        number(tap.cosine),
    )


def _shares(latency: Latency, verbose: bool) -> Iterator[str]:
    """Of each block how much of the time it takes, and what takes the rest."""
    if latency.shares:
        yield "  share of the time"
        blocks = [(name(s.block.merge), f"{s.share:.1%}") for s in latency.shares if s.block is not None]
        yield from table(("block", "share"), [*blocks, *shares(latency)], verbose)


def _agreements(agreements: Sequence[Agreement]) -> Iterator[str]:
    """Of each output and what it was compared with the worst, over all inputs."""
    found = [(a, d) for a in worst(agreements) if isinstance(a, Agreement) for d in a.differences]
    if found:
        yield "  agreement"
        names = [f"{plain(d.output)}, {plain(a.against)}" for a, d in found]
        for called, (a, d) in zip(names, found, strict=True):
            yield f"{_INDENT}{called:<{max(map(len, names))}}  {_said(a, d)}"


def _spreads(measured: Sequence[Measurement]) -> Iterator[str]:
    """How each comparison spreads over many inputs."""
    for spread in spreads(measured):
        named = (f"{name} {value:.2g}" for name, value in spread.relative.items())
        noise = (
            f"; SNR {', '.join(f'{name} {value:.0f} dB' for name, value in spread.snr.items())}" if spread.snr else ""
        )
        agree = f"{spread.agree} of {spread.inputs} inputs agree"
        yield f"{_INDENT}{plain(spread.output)}, {plain(spread.against)}: {agree}; of its largest {', '.join(named)}{noise}"


def _noises(agreements: Sequence[Agreement], verbose: bool) -> Iterator[str]:
    """The signal-to-noise ratio at each block of each comparison."""
    for agreement in agreements:
        yield f"  signal-to-noise ratio by block, in dB, against {plain(agreement.against)}"
        faults = {fault.block.merge.id for fault in agreement.faults}
        rows = [
            (name(n.block.merge), decibels(n.snr), decibels(n.own), "<" if n.block.merge.id in faults else "")
            for n in agreement.blocks
        ]
        yield from table(("block", "stream", "block alone", ""), rows, verbose)


def decibels(value: float | None) -> str:
    """A ratio in dB, `equal` where there is no noise at all."""
    return "-" if value is None else "equal" if value == inf else f"{value:.0f}"


def _said(agreement: Agreement, d: Difference) -> str:
    if not d.absolute:
        return "equal, both all zeros" if d.relative is None and d.wanted == 0 else "equal"
    if d.reshaped:
        return "DIFFERS: another shape"
    if d.strings is not None:
        return f"DIFFERS: {d.strings} of its strings" if d.strings else "equal"
    if d.decided is not None:
        return f"{d.decided:.2g} of its decisions differ, at ties"
    if d.beyond is not None:
        bounds = f", {d.beyond.count} of {d.beyond.of} elements beyond atol {d.beyond.atol:g} + rtol {d.beyond.rtol:g}"
    else:
        bounds = ", rounding of 1" if 0 < d.absolute <= d.rounding else f", tolerance {d.tolerance:g}"
    far = (
        f"{d.relative:.2g} of its largest"
        if d.relative is not None
        else f"{d.absolute:.2g} where the reference is zero"
    )
    said = [
        f"{far}{bounds}",
        f"worst {d.got:.6g} for {d.wanted:.6g} at {list(d.worst)}",
        *([] if d.cosine is None else [f"1 - cosine {1 - d.cosine:.1g}"]),
        *([] if d.snr is None else [f"{d.snr:.0f} dB"]),
        *([] if agreement.parts is None else [f"diverges at {name(agreement.parts.merge)}"]),
    ]
    return f"{'' if d.agrees else 'DIFFERS: '}{'; '.join(said)}"
