"""What a run measured in, the same as plain numbers and words for JSON out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite

from reslint.anatomy.views.source import where
from reslint.measure import (
    Ablation,
    Agreement,
    Difference,
    Fed,
    Kept,
    Latency,
    Measurement,
    Noise,
    Placement,
    Range,
    Ratio,
    Sensitivity,
    Share,
    Signal,
    Sweep,
    Tap,
)
from reslint.net import Op
from reslint.report.run.over_inputs import Spread, spreads

LARGEST = 65504.0
"""The largest half-precision number."""

Row = dict[str, object]


def measurements(measured: Iterable[Measurement]) -> dict[str, list[Row]]:
    """All rows of one model, by what they tell of."""
    found: dict[str, list[Row]] = {}
    held = tuple(measured)
    for one in held:
        for kind, what, rows in _ROWS:
            if isinstance(one, what):
                found.setdefault(kind, []).extend(rows(one))
    over = [_spread(spread) for spread in spreads(held)]
    if over:
        found["over_inputs"] = over
    return found


def _spread(spread: Spread) -> Row:
    row: Row = {"against": spread.against, "output": spread.output, "inputs": spread.inputs, "agree": spread.agree}
    relative = {name: finite(value) for name, value in spread.relative.items()}
    return {**row, "relative": relative, "snr_db": dict(spread.snr)}


def place(op: Op) -> Row:
    """Where an op is, as findings say it."""
    module, source = where(op)
    return {
        "tensor": op.id,
        "node": op.name or op.id,
        "module": module,
        "source": {"file": source.file, "line": source.line} if source else None,
    }


def _fed(fed: object) -> Iterator[Row]:
    if isinstance(fed, Fed):
        for at, run in enumerate(fed.runs):
            yield from (
                {"run": at, "input": g.name, "type": g.type, "shape": g.shape, "values": g.values, "finite": g.finite}
                for g in run
            )


def _signal(signal: object) -> Iterator[Row]:
    if isinstance(signal, Signal):
        yield from (_tap(tap) for tap in signal.taps)


def _tap(tap: Tap) -> Row:
    return {
        "merge": tap.block.merge.id,
        **place(tap.block.merge),
        "stack": tap.block.stack,
        "kind": str(tap.block.kind),
        "shortcut": _range(tap.shortcut),
        "branch": _range(tap.branch),
        "stream": _range(tap.merged),
        "ratio": tap.ratio,
        "half": tap.merged.peak / LARGEST,
        "cosine": tap.cosine,
    }


def _weights(signal: object) -> Iterator[Row]:
    for weight in signal.weights if isinstance(signal, Signal) else ():
        held = {"nan": weight.nan, "infinite": weight.infinite, "peak": weight.peak}
        yield {"weight": weight.name, **place(weight.op), **held, "zero_rows": weight.zero_rows, "rows": weight.rows}


def _range(found: Range) -> Row:
    return {"variance": found.variance, "mean": found.mean, "rms": found.rms, "peak": found.peak}


def _agreement(agreement: object) -> Iterator[Row]:
    if isinstance(agreement, Agreement):
        yield from (_difference(agreement, d) for d in agreement.differences)


def _difference(agreement: Agreement, d: Difference) -> Row:
    return {
        "against": agreement.against,
        "output": d.output,
        "agrees": d.agrees,
        "relative": d.relative,
        "absolute": d.absolute,
        "tolerance": d.tolerance,
        "worst": {"at": list(d.worst), "got": d.got, "wanted": d.wanted},
        "cosine": d.cosine,
        "snr_db": d.snr,
        "beyond": d.beyond
        and {"count": d.beyond.count, "of": d.beyond.of, "rtol": d.beyond.rtol, "atol": d.beyond.atol},
        "strings": d.strings,
        "decided": d.decided,
        "parts_at": place(agreement.parts.merge) if agreement.parts is not None else None,
        "blocks_before": agreement.before,
        "matched": [{"name": ours, "reference": theirs} for ours, theirs in agreement.matched],
        "lost": [place(block.merge) for block in agreement.lost],
        "blocks": [_noise(noise) for noise in agreement.blocks],
    }


def _noise(noise: Noise) -> Row:
    equal = noise.snr is not None and not isfinite(noise.snr)
    return {
        "merge": noise.block.merge.id,
        **place(noise.block.merge),
        "snr_db": noise.snr,
        "own_db": noise.own,
        "equal": equal,
    }


def _sensitivity(sensitivity: object) -> Iterator[Row]:
    if isinstance(sensitivity, Sensitivity):
        for felt in sensitivity.felt:
            row = {**place(felt.block.merge), "gain": felt.gain, "gradient": felt.gradient}
            cut = {"gain": felt.cut_gain, "gradient": felt.cut_gradient, "alone": felt.alone}
            yield {**row, "shortcuts_cut": cut if sensitivity.ablated else None}


def _ablation(ablation: object) -> Iterator[Row]:
    if isinstance(ablation, Ablation):
        blocks = [
            {**place(a.block.merge), "moved": a.moved, "influence": a.influence, "ratio": a.ratio, "cka": a.agreement}
            for a in ablation.ablated
        ]
        yield {"effective": ablation.effective, "idle": list(ablation.idle), "says": ablation.says, "blocks": blocks}


def _placement(placement: object) -> Iterator[Row]:
    if isinstance(placement, Placement):
        elsewhere = [{"tensor": op.id, "op": op.kind, "provider": other} for op, other in placement.elsewhere]
        yield {
            "provider": placement.provider,
            "nodes": dict(placement.nodes),
            "parts": dict(placement.parts),
            "copies": placement.copies,
            "share_elsewhere": placement.share,
            "elsewhere": elsewhere,
        }


def _latency(latency: object) -> Iterator[Row]:
    if isinstance(latency, Latency):
        yield {
            "provider": latency.provider,
            "threads": latency.threads,
            "runs": latency.runs,
            "ms": {"p50": latency.p50, "p90": latency.p90, "p95": latency.p95, "p99": latency.p99},
            "intervals_ms": {name: list(between) for name, between in latency.intervals.items()},
            "where": dict(latency.where),
            "cold_ms": latency.start and {"session": latency.start.session, "first": latency.start.first},
            "peak_memory": latency.start and latency.start.memory,
            "ratio": latency.ratio and _ratio(latency.ratio),
            "shares": [_share(share) for share in latency.shares],
        }


def _ratio(ratio: Ratio) -> Row:
    return {
        "against": ratio.against,
        "median": ratio.median,
        "low": ratio.low,
        "high": ratio.high,
        "most": ratio.most,
        "decision": ratio.decision,
    }


def _share(share: Share) -> Row:
    where = {"rest": share.rest} if share.block is None else {"merge": share.block.merge.id, **place(share.block.merge)}
    return {**where, "share": share.share}


def _kept(kept: object) -> Iterator[Row]:
    if isinstance(kept, Kept):
        over = {op.id for op in kept.overflowing}
        yield {
            "type": kept.type,
            "snr_db": {
                "wanted": kept.wanted,
                **{
                    n: finite(v) for n, v in (("before", kept.before), ("after", kept.after), ("applied", kept.applied))
                },
            },
            "ops": [{**place(op), "op": op.kind, "overflows": op.id in over} for op in kept.ops],
            "of": kept.of,
            "tried": kept.tried,
            "cut_short": kept.cut_short,
        }


def finite(value: float | None) -> float | str | None:
    """A number that JSON has; infinity as a word."""
    return value if value is None or isfinite(value) else str(value)


def _sweep(sweep: object) -> Iterator[Row]:
    if isinstance(sweep, Sweep):
        for step in sweep.steps:
            row: Row = {"dimension": step.dimension, "size": step.size, "failed": step.failed or None}
            timed = next(_latency(step.latency), {})
            yield {
                **row,
                "per_second": step.throughput,
                **{k: v for k, v in timed.items() if k not in ("ratio", "shares")},
            }


_ROWS: tuple[tuple[str, type, Callable[[object], Iterator[Row]]], ...] = (
    ("fed", Fed, _fed),
    ("signal", Signal, _signal),
    ("weights", Signal, _weights),
    ("agreement", Agreement, _agreement),
    ("sensitivity", Sensitivity, _sensitivity),
    ("depth", Ablation, _ablation),
    ("placement", Placement, _placement),
    ("latency", Latency, _latency),
    ("sweep", Sweep, _sweep),
    ("keep_float32", Kept, _kept),
)
