"""Outputs that differ in, drafts out: what the rules on agreement share."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Block
from reslint.anatomy.views.source import where
from reslint.finding import Severity
from reslint.measure import Agreement, Difference
from reslint.net import Net, Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft

_WRONG = 0.2  # of the largest value: no rounding in any type


def apart(agreement: Agreement, says: str, help: str, severe: float | None = None) -> Iterator[Draft]:
    """A draft at each output that disagrees; one `severe` times beyond the tolerance is an error, else a warning.

    Where the block is known at which the two part there is one draft, at that block, for the output that is farthest off.
    """
    net = agreement.anatomy.net
    known = ((d, op) for d in agreement.differences if not d.agrees and (op := _maker(net, d.output)) is not None)
    found = sorted(known, key=lambda pair: -_distance(pair[0])) if agreement.parts is not None else list(known)
    others = found[1:] if agreement.parts is not None else []
    more = f", and {len(others)} more" if others else ""
    for d, maker in found[: len(found) - len(others)]:
        op, here = (maker, net) if agreement.parts is None else (agreement.parts.merge, agreement.parts.net)
        yield Draft(
            op,
            here,
            f"the output {d.output}{more} {says}: {_far(d)}",
            help,
            {
                "output": d.output,
                "against": agreement.against,
                "relative": _number(d.relative),
                "absolute": _number(d.absolute),
                "tolerance": d.tolerance,
                "worst": list(d.worst),
                "cosine": _number(d.cosine),
                "snr_db": _number(d.snr),
                "parts_at": agreement.parts.merge.id if agreement.parts is not None else None,
                "blocks_before": agreement.before,
                "lost": [block.merge.id for block in agreement.lost],
                **({} if d.beyond is None else {"beyond": d.beyond.count, "elements": d.beyond.of}),
            },
            lines=tuple(_lines(agreement, d)),
            related=tuple(other for _, other in others if other is not op),
            severity=None if severe is None else Severity.ERROR if _is_severe(d, severe) else Severity.WARNING,
        )


def _maker(net: Net, output: str) -> Op | None:
    """The op that makes an output, or the sequence of which it is a part (`y[0]`); the last one where an input is passed on."""
    whole = output if output in net.outputs else output.rpartition("[")[0]
    last = net.ops[-1] if net.ops else None
    return net.producer.get(net.canonical(whole)) or net.producer.get(whole, last)


def _distance(d: Difference) -> float:
    return d.absolute if d.relative is None else d.relative


def _is_severe(d: Difference, severe: float) -> bool:
    """Whether a difference is far beyond its tolerance; bounds that a user sets on each element are meant as they stand."""
    return d.beyond is not None or _distance(d) > min(severe * d.tolerance, _WRONG)


def _far(d: Difference) -> str:
    if d.reshaped:
        return "another shape"
    if d.strings is not None:
        return f"{d.strings} of its strings"
    if d.beyond is not None:
        b = d.beyond
        return (
            f"{b.count} of {b.of} elements exceed an absolute tolerance of {b.atol:g} and a relative one of {b.rtol:g}"
        )
    if d.relative is None:
        return f"{d.absolute:.2g} where the reference is zero, tolerance {d.tolerance:g}"
    return f"{d.relative:.2g} of its largest value, tolerance {d.tolerance:g}"


def _number(value: float | None) -> float | str | None:
    """A number that JSON has; infinity and NaN as words."""
    return value if value is None or abs(value) < float("inf") else str(value)


def _lines(agreement: Agreement, d: Difference) -> Iterator[tuple[str, str]]:
    if not d.reshaped and d.strings is None:
        yield "worst", f"{d.got:.6g} instead of {d.wanted:.6g} at {list(d.worst)}"
    if d.cosine is not None:
        noise = f", signal-to-noise ratio {d.snr:.0f} dB" if d.snr is not None else ""
        yield "whole", f"1 - cosine {1 - d.cosine:.1g}{noise}"
    for block in agreement.lost:
        yield "no counterpart", f"block {block.merge.id}{called(block.merge)} of {agreement.against}"
    if agreement.parts is not None:
        yield "parts at", _place(agreement.parts, agreement.before or 0)
    elif agreement.before is not None:
        yield "parts", f"after the last of {agreement.before} blocks, whose streams agree"


def _place(block: Block, before: int) -> str:
    """A block with its module and its line of Python, and how many before it are sound."""
    _, source = where(block.merge)
    line = f", {source.file}:{source.line}" if source else ""
    sound = f"; {before} before it agree{'s' if before == 1 else ''}" if before else ""
    return f"block {block.merge.id}{called(block.merge)}{line}{sound}"
