"""Block of a regular stack that differs from what its siblings agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.regularity.canonical import Slot, What
from reslint.anatomy.regularity.difference import Difference
from reslint.anatomy.regularity.regularity import OddBlock, odd_blocks
from reslint.finding import Confidence, Severity
from reslint.net import Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Settings, rule

_SHOWN = 4  # siblings that are listed


@rule("odd-block", "shortcut", Severity.WARNING, Confidence.LIKELY)
def odd_block(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """One block of a regular stack differs from what its siblings agree on."""
    for odd in odd_blocks(anatomy):
        op, says, theirs = _told(odd)
        n = len(odd.siblings)
        yield Draft(
            op,
            odd.net,
            f"block {odd.place} of {odd.of}{called(odd.merge)} {says}; its {n} siblings {theirs}",
            "make the block like its siblings, or suppress the finding and say why it differs",
            {"block": odd.merge.id, "place": odd.place, "of": odd.of, "siblings": n, "here": says, "there": theirs},
            (
                ("block", f"{odd.merge.id}, {odd.place} of {odd.of} on its stream"),
                ("siblings", ", ".join(op.id for op in odd.siblings[:_SHOWN])),
            ),
            related=odd.siblings,
            explained_at=odd.ops,
        )


def _told(odd: OddBlock) -> tuple[Op, str, str]:
    """The op that differs, what the block does there, and what its siblings do."""
    if odd.difference is not None:
        return _structure(odd, odd.difference)
    theirs, own = min(odd.slots, key=lambda pair: _rank(pair[1]))
    here, there = _slot(odd, theirs, own)
    return own.op, here, there


def _structure(odd: OddBlock, unlike: Difference) -> tuple[Op, str, str]:
    extra, missing = unlike.extra, unlike.missing
    if unlike.is_sign:
        return odd.merge, "subtracts its branch", "add it"
    if extra and missing:
        return extra[0], f"has {_counted(extra)} where others have {_counted(missing)}", f"have {_counted(missing)}"
    if extra:
        return extra[0], f"has {_counted(extra)} of its own before {_after(odd, extra)}", "have none there"
    if missing:
        op = unlike.behind or odd.merge
        return op, f"has no {_counted(missing)} before {op.type} {op.id}", "have it"
    op, other = unlike.turned or (odd.merge, odd.siblings[0])
    return op, f"feeds {op.type} {op.id} from elsewhere or in another order", f"feed it as {other.id} is fed"


def _after(odd: OddBlock, extra: tuple[Op, ...]) -> str:
    made = {output for op in extra for output in op.outputs}
    readers = (op for op in odd.net.consumers.get(extra[-1].id, ()) if not made.intersection(op.outputs))
    op = next(readers, odd.merge)
    return f"{op.type} {op.id}"


def _counted(ops: Iterable[Op]) -> str:
    counted = Counter(op.type for op in ops)
    return ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in counted.items())


def _rank(slot: Slot) -> tuple[int, int]:
    """Which of several differences is told: an attribute or a stream before the widths that follow from it."""
    return list(What).index(slot.what), slot.op.place


def _slot(odd: OddBlock, theirs: Slot, own: Slot) -> tuple[str, str]:
    """What a block has in a slot, and what its siblings have."""
    name = f"{own.op.type} {own.op.id}"
    if own.what is What.STREAM:
        return f"reads {_stream(odd, own)} in {name}", f"read {_stream(odd, theirs, usual=True)}"
    if own.what is What.ATTRIBUTE:
        mine, others = (_shown(s.op.attribute(own.at)) for s in (own, theirs))
        return f"has {own.at} {mine} in {name}", f"have {others}"
    if own.what is What.WEIGHT and own.value == theirs.value:
        return f"reads {own.also} in {name}, which another block reads", "read weights of their own"
    if own.what in (What.CONSTANT, What.WEIGHT):
        return f"has {_constant(own)} in {name}", f"have {_constant(theirs)}"
    if own.what is What.READ:
        return f"reads {own.value} in {name}", f"read {theirs.value}"
    return f"has other sizes in {name}", "agree on theirs"


def _stream(odd: OddBlock, slot: Slot, *, usual: bool = False) -> str:
    back, inside = slot.value[:2] if isinstance(slot.value, tuple) else (1, -1)
    if inside >= 0:
        return "what is inside an earlier block" if usual else f"{slot.also}, which is inside another block,"
    if back == 1:
        return "the stream of the block before them" if usual else "the stream of the block before it"
    return f"the stream from {back} blocks back" if usual else f"the stream from before block {odd.place - back + 1}"


def _shown(value: object) -> str:
    if value is None:
        return "left out"
    return f"{value:g}" if isinstance(value, float) else str(list(value) if isinstance(value, tuple) else value)


def _constant(slot: Slot) -> str:
    if not isinstance(slot.value, tuple):
        return "a constant"
    _, shape, values = slot.value
    if values is None:
        return f"weights of shape {_shown(shape)}"
    return f"the constant {_shown(values[0] if len(values) == 1 else values)}"
