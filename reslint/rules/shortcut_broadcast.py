"""Anatomy in, residual merges that only work because one side is stretched out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.graph.ops import CONVS, is_learned
from reslint.anatomy.views.tables import spread_tables
from reslint.finding import Confidence, Severity
from reslint.measure import Signal
from reslint.net import Dim, Net, Shape
from reslint.rules._support.terms import Term, clash, further, sides
from reslint.rules._support.words import called, listed, producer, shown, term_evidence, term_lines
from reslint.rules.rule import Draft, Pass, Proof, Said, Settings, rule

_FLAT = frozenset({"Reshape", "Gemm"})


def is_stretched(draft: Draft, signal: Signal) -> Proof | None:
    """Whether the sides had different shapes when the model ran."""
    tap = next((t for t in signal.taps if t.block.merge is draft.op), None)
    if tap is None:
        return None
    sides = [list(tap.shortcut.shape), list(tap.branch.shape)]
    says = f"the merge added {shown(sides[0])} and {shown(sides[1])}"
    return Proof(sides[0] != sides[1], says, {"ran_shortcut_shape": sides[0], "ran_branch_shape": sides[1]})


@rule("shortcut-broadcast", "shortcut", Severity.ERROR, Confidence.PROVEN, proof=is_stretched)
def shortcut_broadcast(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """One side of a residual merge is stretched over an axis where the other is larger."""
    yield from _tables(anatomy)
    for block in anatomy.blocks:
        if block.kind is Kind.DENSE:
            continue
        for term, opposite in _pairs(block):
            small, large = term.shape, opposite.shape
            axes = _stretched(block.net, small, large) if small != large else ()
            if not axes:
                if settings.explain and (why := _unclear(small, large)):
                    yield Pass(block.merge, block.net, why.format(term.label))
                continue
            back = _stretched(block.net, large, small)
            if back and term.name in block.sides and opposite.name in block.sides and clash(block) is None:
                yield _mutual(block)
                break
            if clash(block) is not None:
                yield Pass(block.merge, block.net, "the sides can't be added at all: that is shortcut-shape-mismatch")
                break
            if anatomy.trial is not None and anatomy.trial.same_where_it_works(block.net, term.name, opposite.name):
                yield Pass(
                    block.merge,
                    block.net,
                    "the sides agree at every size at which the model runs: that is baked-dimension",
                )
                continue
            if _is_meant(block, term, opposite, axes):
                why = (
                    f"{term.said} is stretched over axis {axes[0]}, but a learned layer follows the op that reduced it"
                )
                yield Pass(block.merge, block.net, why)
                continue
            axis = axes[0]
            became, made = _collapse(block.net, term, axis - _shift(term, opposite))
            yield Draft(
                block.merge,
                block.net,
                f"{term.said}{called(block.merge)} gives {shown(small)}, which is stretched "
                f"over axis {axis} of {opposite.said} {shown(large)}",
                f"make {term.said} as large as {opposite.said} on axis {axis}; it {became} at {made}",
                {**term_evidence(block, term), "stretched": term.label, "axes": list(axes), "collapsed_at": made},
                (*term_lines(block, term), ("collapsed", f"axis {axis} {became} at {made}")),
            )
            break


def _tables(anatomy: Anatomy) -> Iterator[Draft]:
    """Stored tables of positions whose rows are dealt out to the samples."""
    for flow in anatomy.flows:
        net = anatomy.sized if flow.net is anatomy.net else flow.net
        for found in spread_tables(flow, net):
            yield Draft(
                found.op,
                flow.net,
                f"the stored table {shown(found.shape)}{called(found.op)} is stretched over axis 1 of the stream "
                f"{shown(found.stream)}: each entry of axis 0 gets one row for all positions along axis 1",
                "give the table its rows on axis 1 (unsqueeze(0), table[:, :x.size(1)]): axis 0 is the batch",
                {
                    "table": found.table,
                    "table_shape": listed(found.shape),
                    "stream_shape": listed(found.stream),
                    "axes": [1],
                },
                severity=Severity.WARNING,
                confidence=Confidence.LIKELY,
            )


def _mutual(block: Block) -> Draft:
    """Both sides are stretched, each over an axis where it is 1 or that it lacks: [N] and [N, 1] give [N, N]."""
    short, branch = sides(block)
    result = _sum(short.shape or (), branch.shape or ())
    axes = sorted(
        {*_stretched(block.net, short.shape, branch.shape), *_stretched(block.net, branch.shape, short.shape)}
    )
    _, made = _collapse(block.net, branch, -1)
    return Draft(
        block.merge,
        block.net,
        f"the shortcut{called(block.merge)} gives {shown(short.shape)}, the branch {shown(branch.shape)}: each is stretched "
        f"over the other, and the sum is {shown(result)}",
        f"{_cure(short.shape or (), branch.shape or ())} ({made})",
        {
            **term_evidence(block, branch),
            "stretched": "both",
            "axes": axes,
            "result_shape": [d if isinstance(d, int) else str(d) for d in result],
        },
        (*term_lines(block, branch), ("sum", shown(result))),
    )


def _sum(one: Shape, other: Shape) -> Shape:
    """The shape that a sum of two shapes has."""
    rank = max(len(one), len(other))
    wide = ((1,) * (rank - len(s)) + s for s in (one, other))
    return tuple(e if d == 1 else d for d, e in zip(*wide, strict=True))


def _cure(short: Shape, branch: Shape) -> str:
    """What most likely was forgotten on the branch, whose shape should be the stream's."""
    more = len(branch) - len(short)
    ones = "axis of 1" if abs(more) == 1 else f"{abs(more)} axes of 1"
    if more > 0 and branch[len(short) :] == (1,) * more:
        return f"remove the last {ones} from the branch: a squeeze(-1) is missing, or keepdim=False"
    if more < 0 and short[len(branch) :] == (1,) * -more:
        return f"give the branch the last {ones} of the shortcut: unsqueeze(-1), or keepdim=True"
    return "give the branch the shape of the shortcut: an axis was moved, lost or added on the way"


def _pairs(block: Block) -> Iterator[tuple[Term, Term]]:
    """What may be stretched, and to what."""
    short, branch = sides(block)
    yield short, branch
    yield branch, short
    for term in further(block):
        if _is_of_stream(block, term):  # a bias, a condition and a mask are stretched on purpose
            yield term, short
            yield term, branch


def _is_of_stream(block: Block, term: Term) -> bool:
    """Whether a further input of a sum is made of the block's stream."""
    name = term.name
    for _ in range(32):
        if name == block.fork:
            return True
        op = block.net.producer.get(name)
        if op is None:
            break
        name = next(iter(op.data), "")
    return False


def _shift(term: Term, opposite: Term) -> int:
    """How many axes of the sum a term lacks in front."""
    return max(0, len(opposite.shape or ()) - len(term.shape or ()))


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
        return "the {} is 1 where the other side has a size that no input declares and that may be 1, too"
    return ""


def _is_meant(block: Block, term: Term, opposite: Term, axes: tuple[int, ...]) -> bool:
    """Whether a pooled context or a condition is spread on purpose: something is learned behind what made the side small.

    A convolution that made it small is no pooling, whatever is learned behind it (GCNet and FiLM pool, or start small).
    """
    net = block.net
    rank = len(term.shape or ())
    own = [axis - _shift(term, opposite) for axis in axes]
    op = net.producer.get(term.name)
    learned = False
    for _ in range(32):
        if op is None:
            return True
        before = next(iter(op.data), "")
        shape = net.shape(before)
        if shape is None:
            return True
        fits = (
            op.type in _FLAT and len(shape) != rank
        )  # a matrix product over flattened axes, and the reshapes around it
        if not fits and (len(shape) != rank or any(axis >= 0 and shape[axis] != 1 for axis in own)):
            return learned and op.type not in CONVS
        learned = learned or is_learned(net, op)
        op = net.producer.get(before)
    return True


def _collapse(net: Net, term: Term, axis: int) -> tuple[str, str]:
    """What became of an axis of a term, and the op at which it did; an axis that the term lacks is below zero."""
    name, rank = term.name, len(term.shape or ())
    for _ in range(32):
        op = net.producer.get(name)
        if op is None:
            break
        before = next(iter(op.data), "")
        shape = net.shape(before)
        if shape is None or len(shape) != rank or axis >= 0 and shape[axis] != 1:
            break
        name = before
    return "became 1" if axis >= 0 else "was lost", producer(net, name)
