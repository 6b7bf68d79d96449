"""A meeting that fits at some sizes only in, the draft that shows a size at which it fails out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reslint.anatomy.sizes import Mismatch, first_failure, rule_of
from reslint.anatomy.sizes.extent import Column
from reslint.rules._support.words import called, producer
from reslint.rules.rule import Draft


def by_cause(found: Iterable[Mismatch]) -> Iterator[Sequence[Mismatch]]:
    """Mismatches with one cause: a level of a decoder meets its skip behind another one that met its own."""
    causes: list[list[Mismatch]] = []
    for mismatch in found:
        cause = next((c for c in causes if _follows(c[0], mismatch)), None)
        if cause is None:
            causes.append([mismatch])
        else:
            cause.append(mismatch)
    yield from causes


def _follows(first: Mismatch, other: Mismatch) -> bool:
    """Whether a mismatch is at the same op, or at one that is made of what it gives."""
    net, start = first.failure.net, first.failure.op
    if other.failure.net is not net or other.failure.op is start:
        return other.failure.op is start
    seen: set[str] = set()
    todo = [other.failure.op]
    while todo:
        op = todo.pop()
        if op is start:
            return True
        if op.id not in seen and op.place > start.place:
            seen.add(op.id)
            todo.extend(net.producer[i] for i in op.inputs if i in net.producer)
    return False


def told(found: Sequence[Mismatch], help: str, labels: tuple[str, str], sides: tuple[str, str]) -> Draft:
    """The draft of mismatches with one cause: at the first of them, with a size at which it fails. The others are related.

    `sides` are the tensors that meet, in the order in which `labels` name them.
    """
    first = found[0]
    failure, name = first.failure, first.symbol.label
    own = [m for m in found if m.symbol == first.symbol]
    shown = min(own, key=lambda m: m.sizes[first_failure(m)])
    at = first_failure(shown)
    size, (one, other) = int(shown.sizes[at]), (int(side[at]) for side in shown.sides)
    if shown.failure.names == sides[::-1]:
        one, other = other, one
    spreads = [int(m.sizes[m.spreads][0]) for m in own if m.spreads.any()]
    silent = min(spreads, default=None)
    place = f" in the {shown.failure.op.type} {shown.failure.op.id}" if shown is not first else ""
    says = f"first fails at {name} {size} ({one} against {other}{place})"
    says += f", broadcasts silently at {silent}" if silent is not None else ""
    same = list(dict.fromkeys(m.symbol.label for m in found if m.symbol != first.symbol))
    also = f"; so do {' and '.join(same)}" if same and first.tied is None else ""
    there = first_failure(first)
    related = [m.failure.op for m in found if m.failure.op is not failure.op]
    producers = [producer(failure.net, n) for n in sides]
    return Draft(
        failure.op,
        failure.net,
        f"the {failure.op.type}{called(failure.op)} {rule_of(first)}: {says}{also}",
        help,
        {
            "dimension": name,
            "axis": failure.axis,
            "fails_at": size,
            "broadcasts_at": silent,
            "works_at": [int(v) for v in first.sizes[first.fits][:8]],
            "sizes": [one, other],
            f"{labels[0]}_tensor": sides[0],
            f"{labels[1]}_tensor": sides[1],
            "rule": rule_of(first),
        },
        tuple(
            (label, f"{int(side[there])} on axis {failure.axis} at {name} {int(first.sizes[there])}  {made}")
            for label, side, made in zip(labels, _ordered(first, sides), producers, strict=True)
        ),
        tuple({op.id: op for op in related}.values()),
    )


def _ordered(mismatch: Mismatch, sides: tuple[str, str]) -> tuple[Column, Column]:
    """The extents of the sides as these are ordered."""
    one, other = mismatch.sides
    return (other, one) if mismatch.failure.names == sides[::-1] else (one, other)
