"""Residual merges that add elements of one place to those of another: axes that moved, order that turned, halves left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.views.alignment import How, Misplaced, misplaced, scrambler
from reslint.anatomy.views.attention_axes import Unsummed, unsummed
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, producer, shown, side_evidence, side_lines
from reslint.rules.rule import Draft, Settings, rule

_HELP = {
    How.PERMUTED: "permute the axes back before the sum",
    How.SCRAMBLED: "transpose (permute) before the reshape (view), so that each axis of the stream keeps its place",
    How.TURNED: "reverse the order back before the sum",
    How.SHIFTED: "shift it back before the sum, or feed the shifted stream to the branch only",
    How.PARTLY: "let the branch cover the whole stream, or leave the other part out of the sum on purpose",
}


@rule("shortcut-layout-mismatch", "shortcut", Severity.WARNING, Confidence.LIKELY)
def shortcut_layout_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Both sides have the same shape, but their elements do not correspond."""
    forks = {block.merge.id: block.fork for block in anatomy.blocks}
    seen: dict[tuple[int, How, tuple[int, ...]], list[tuple[Block, Misplaced]]] = {}
    blocks = [b._replace(net=anatomy.sized) if b.net is anatomy.net else b for b in anatomy.blocks]
    for block in blocks:
        found = misplaced(block, forks) if block.kind is not Kind.DENSE else None
        if found is not None:
            seen.setdefault((block.stack, found.how, found.axes), []).append((block, found))
    yield from _attending(blocks)
    for row in seen.values():
        block, found = row[0]
        yield Draft(
            block.merge,
            block.net,
            _said(block, found),
            _HELP[found.how],
            {**side_evidence(block), "how": found.how.value, "axes": list(found.axes), "blocks": len(row)},
            side_lines(block),
            related=tuple(b.merge for b, _ in row[1:]),
        )


def _attending(merged: Sequence[Block]) -> Iterator[Draft]:
    """Attention whose weights add up to one along an axis over which nothing is summed."""
    rows: dict[tuple[int, int, int], list[Unsummed]] = {}
    blocks: dict[str, Block] = {}
    for block in merged:
        for found in unsummed(block):
            if blocks.setdefault(found.softmax.id, block) is block:
                rows.setdefault((block.stack, found.over, found.along), []).append(found)
    for (_, over, along), row in rows.items():
        softmax, product = row[0].softmax, row[0].product
        block = blocks[softmax.id]
        yield Draft(
            softmax,
            block.net,
            f"{producer(block.net, softmax.id)}{called(softmax)} makes weights that add up to one along axis {over} of "
            f"{shown(block.net.shape(softmax.id))}, but {producer(block.net, product.id)} sums over axis {along}",
            "normalize over the keys, the axis that the product with the values sums over, or transpose the weights first",
            {"softmax_axis": over, "summed_axis": along, "product": product.id, "count": len(row)},
            related=tuple(u.softmax for u in row[1:]),
        )


def _said(block: Block, found: Misplaced) -> str:
    side = f"the {('shortcut', 'branch')[found.side]}{called(block.merge)}"
    shape = shown(block.shapes[0])
    axis = found.axes[0]
    if found.how is How.PERMUTED and len(found.axes) == 2:
        i, j = found.axes
        return f"the sides{called(block.merge)} have the same shape {shape}, but one has axes {i} and {j} of the other swapped"
    if found.how is How.PERMUTED:
        came = _listed([c for (c,) in found.came])
        return f"{_axes(found.axes)} of {side} hold axes {came} of the stream, in the same shape {shape}"
    if found.how is How.SCRAMBLED:
        return (
            f"axis {axis} of {side} holds pieces of {_axes(found.came[0])} of the stream{_how_laid_out(block, found)}"
        )
    if found.how is How.TURNED:
        return f"{side} runs backwards along axis {axis} of {shape}: the first element is added to the last"
    if found.how is How.SHIFTED:
        return f"{side} is shifted by {found.positions} along axis {axis} of {shape}: no element meets its own"
    extent = block.shapes[0][axis] if block.shapes[0] else "?"
    return f"{side} holds only {found.positions} of the {extent} elements along axis {axis}"


def _how_laid_out(block: Block, found: Misplaced) -> str:
    op = scrambler(block, found)
    if op is None:
        return ""
    before, after = shown(block.net.shape(op.inputs[0])), shown(block.net.shape(op.id))
    meant = "where its axes had to be turned first (a view for a permute)"
    return f": {producer(block.net, op.id)} lays {before} out as {after} {meant}"


def _axes(axes: Sequence[int]) -> str:
    return f"ax{'i' if len(axes) == 1 else 'e'}s {_listed(axes)}"


def _listed(axes: Sequence[int]) -> str:
    *most, last = map(str, axes)
    return f"{', '.join(most)} and {last}" if most else last
