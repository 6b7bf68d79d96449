"""A measured signal in, tensors that half precision can't hold out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.finding import Confidence, Severity
from reslint.measure import Overflowed, Range, Signal, Squared, Tap
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Settings, rule

_LARGEST, _NEAR = 65504.0, 6550.0  # a tenth is near: random inputs underestimate (heuristic)
_LEAST = 6e-8  # the smallest number above zero
_LOST = 0.5  # the share of a tensor's elements that may be rounded to zero (heuristic)
_ROOT = 255.9  # the square of more is above the largest


@rule("half-overflow", "numerics", Severity.WARNING, Confidence.PROVEN)
def half_overflow(signal: Signal, settings: Settings) -> Iterator[Draft]:
    """The stream approaches the largest half-precision number."""
    if signal.overflow is not None:
        yield _overflowed(signal.overflow)
    if not signal.half:
        return
    tensors = [found for found in _tensors(signal) if found[2].finite]
    over = [found for found in tensors if found[2].peak > _LARGEST]
    near = [found for found in tensors if found[2].peak > _NEAR]
    if over:
        yield _draft(over, Severity.ERROR, f"above half precision's largest number, {_LARGEST:g}", _LARGEST)
    elif near:
        yield _draft(near, Severity.WARNING, f"close to half precision's largest number, {_LARGEST:g}", _NEAR)
    gone = [found for found in tensors if 0 < found[2].peak < _LEAST or found[2].lost > _LOST]
    if gone:
        share = f"{gone[0][2].lost:.0%} of its nonzero elements become" if gone[0][2].lost else "which becomes"
        says = f"{share} zero in half precision, whose smallest number is {_LEAST:g}"
        yield _draft(gone, Severity.NOTE, says, _LEAST)
    yield from _weights(signal)
    yield from _squares([s for s in signal.squares if s.range.finite and s.range.peak > _ROOT])


def _overflowed(found: Overflowed) -> Draft:
    """The first op that gives infinity where each op is rounded; a note where no output suffers, as with masks."""
    return Draft(
        found.op,
        found.net,
        f"{found.op.kind} {found.op.id} gives {found.peak:.4g}, "
        f"the first overflow when every op is rounded to {found.type}",
        "keep this op in float32 or bfloat16, or scale its inputs down",
        {"op": found.op.kind, "peak": found.peak, "type": found.type, "harms": found.harms},
        lines=(
            ()
            if found.harms
            else (("harmless", "the outputs agree with float32; attention masks overflow on purpose"),)
        ),
        severity=Severity.ERROR if found.harms else Severity.NOTE,
    )


def _tensors(signal: Signal) -> Iterator[tuple[Net, Op, Range, str]]:
    """All that was tapped: of each block its branch and what its merge made of it, shortcuts that do work, and the outputs."""
    for tap in signal.taps:
        if tap.block.sides[0] != tap.block.fork:
            yield tap.block.net, tap.block.merge, tap.shortcut, f"shortcut {tap.block.sides[0]}"
        yield from _of(tap)
    yield from ((signal.anatomy.net, e.op, e.range, f"output {e.name}") for e in signal.exits)


def _of(tap: Tap) -> Iterator[tuple[Net, Op, Range, str]]:
    """A block's branch and what its merge made of it."""
    yield tap.block.net, tap.block.merge, tap.branch, f"branch {tap.block.sides[1]}"
    yield tap.block.net, tap.block.merge, tap.merged, f"stream {tap.block.merge.id}"


def _draft(found: list[tuple[Net, Op, Range, str]], severity: Severity, says: str, limit: float) -> Draft:
    net, op, first, what = found[0]
    return Draft(
        op,
        net,
        f"the {what} reaches {first.peak:.4g}, {says}",
        "keep this part in float32 or bfloat16, or scale the stream down",
        {
            "peak": first.peak,
            "limit": limit,
            "largest": max(f[2].peak for f in found),
            "merges": len({f[1].id for f in found}),
        },
        related=tuple({f[1].id: f[1] for f in found if f[1] is not op}.values()),
        severity=severity,
    )


def _squares(found: list[Squared]) -> Iterator[Draft]:
    if found:
        first = found[0]
        yield Draft(
            first.op,
            first.net,
            f"the normalization {first.op.id} squares {first.range.peak:.4g}; "
            f"in half precision the squares of numbers above {_ROOT} overflow",
            "cast to float32 before the square, or use the fused LayerNormalization or RMSNormalization",
            {"peak": first.range.peak, "limit": _ROOT, "count": len(found)},
            related=tuple(s.op for s in found[1:]),
        )


def _weights(signal: Signal) -> Iterator[Draft]:
    """Weights that half precision can't hold."""
    over = [weight for weight in signal.weights if weight.peak > _LARGEST]
    if over:
        first = over[0]
        yield Draft(
            first.op,
            signal.anatomy.net,
            f"the weight {first.name} holds {first.peak:.4g}; above {_LARGEST:g} half precision has infinity",
            "keep this op in float32 or bfloat16, or scale the weight down",
            {"peak": first.peak, "limit": _LARGEST, "weight": first.name, "count": len(over)},
            related=tuple(weight.op for weight in over[1:] if weight.op is not first.op),
            severity=Severity.ERROR,
        )
