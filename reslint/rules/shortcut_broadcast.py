"""Anatomy in, residual merges that only work because one side is stretched out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.ops import CONVS, is_learned
from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.net import Dim, Net, Shape
from reslint.rules.rule import Draft, Pass, Proof, Said, Settings, rule
from reslint.rules.words import called, producer, shown, side_evidence, side_lines


def is_stretched(draft: Draft, signal: Signal) -> Proof | None:
    """Whether the sides had different shapes when the model ran."""
    tap = next((t for t in signal.taps if t.block.merge is draft.op), None)
    if tap is None:
        return None
    sides = [list(tap.shortcut.shape), list(tap.branch.shape)]
    says = f"it added {shown(sides[0])} and {shown(sides[1])}"
    return Proof(sides[0] != sides[1], says, {"ran_shortcut_shape": sides[0], "ran_branch_shape": sides[1]})


@rule("shortcut-broadcast", "shortcut", Severity.ERROR, Confidence.PROVEN, proof=is_stretched)
def shortcut_broadcast(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A side of a residual merge is stretched over an axis where the other is larger."""
    for block in anatomy.blocks:
        if block.kind is Kind.DENSE:
            continue
        for at, (label, opposite) in enumerate((("shortcut", "branch"), ("branch", "shortcut"))):
            side, small, large = block.sides[at], block.shapes[at], block.shapes[1 - at]
            axes = _stretched(block.net, small, large) if small != large else ()
            if not axes:
                if settings.explain and (why := _unclear(small, large)):
                    yield Pass(block.merge, block.net, why.format(label))
                continue
            if _is_meant(block, side, axes):
                why = (
                    f"the {label} is stretched over axis {axes[0]}, but something is learned behind what made it small"
                )
                yield Pass(block.merge, block.net, why)
                continue
            axis = axes[0]
            made = _collapse(block.net, side, axis)
            yield Draft(
                block.merge,
                block.net,
                f"the {label}{called(block.merge)} gives {shown(small)}, which is stretched "
                f"over axis {axis} of the {opposite} {shown(large)}",
                f"make the {label} as large as the {opposite} on axis {axis}; it became 1 at {made}",
                {**side_evidence(block), "stretched": label, "axes": list(axes), "collapsed_at": made},
                (*side_lines(block), ("collapsed", f"axis {axis} became 1 at {made}")),
            )
            break


def _stretched(net: Net, small: Shape | None, large: Shape | None) -> tuple[int, ...]:
    """The axes of the sum over which a side is stretched, from its shape and the other side's."""
    if small is None or large is None:
        return ()
    rank = max(len(small), len(large))
    found = []
    for back in range(1, rank + 1):
        s: Dim = small[-back] if back <= len(small) else 1
        d: Dim = large[-back] if back <= len(large) else 1
        if s == 1 and (isinstance(d, int) and d > 1 or isinstance(d, str) and d in net.symbols):
            found.append(rank - back)
    return tuple(sorted(found))


def _unclear(small: Shape | None, large: Shape | None) -> str:
    """Why nobody knows whether a side is stretched; empty where it is not."""
    if small is None or large is None:
        return "the shape of the {} is unknown" if small is None else ""
    pairs = zip(reversed(small), reversed(large), strict=False)
    if any(s == 1 and not isinstance(d, int) for s, d in pairs):
        return "the {} is 1 where the other side has a size that no input declares, so that it may be 1, too"
    return ""


def _is_meant(block: Block, side: str, axes: tuple[int, ...]) -> bool:
    """Whether a pooled context or a condition is spread on purpose: something is learned behind what made the side small.

    A convolution that made it small is no pooling, whatever is learned behind it (GCNet and FiLM pool, or start small).
    """
    net = block.net
    rank = len(net.shape(side) or ())
    op = net.producer.get(side)
    learned = False
    for _ in range(32):
        if op is None:
            return True
        before = next(iter(op.data), "")
        shape = net.shape(before)
        if shape is None:
            return True
        if len(shape) != rank or any(a < rank and shape[a] != 1 for a in axes):
            return learned and op.type not in CONVS
        learned = learned or is_learned(net, op)
        op = net.producer.get(before)
    return True


def _collapse(net: Net, side: str, axis: int) -> str:
    """The op at which an axis became 1."""
    name = side
    for _ in range(32):
        op = net.producer.get(name)
        if op is None:
            break
        before = next(iter(op.data), "")
        shape = net.shape(before)
        if shape is None or axis >= len(shape) or shape[axis] != 1:
            break
        name = before
    return producer(net, name)
