"""A Difference in, text for a person out: each lost or gained block a line, changes that many blocks share told once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from reslint.anatomy import Block
from reslint.anatomy.views.skeleton import word
from reslint.anatomy.views.source import module_of
from reslint.comparison import Change, Changed, Difference, Fate, Single
from reslint.report.common.plain import counted, plain

_NAMED = 6  # blocks of a change that are named; the JSON has them all
_COUNTS = {"residual_blocks": "residual blocks", "weighted_layers": "weighted layers", "longest_plain": "longest plain"}
_AMOUNTS = {"params": "params", "macs": "MAC"}
_LOST = {
    Fate.BARE: "lost the shortcut; the layers remain, and nothing bypasses them",
    Fate.GONE: "removed together with its layers",
    Fate.UNKNOWN: "lost; without layers of its own it can't be found in the new model",
}
_GAINED = {
    Fate.BARE: "gained a shortcut; nothing bypassed these layers before",
    Fate.GONE: "new, together with its layers",
    Fate.UNKNOWN: "new; without layers of its own it can't be found in the old model",
}


def render(old: str, new: str, difference: Difference, *, color: bool = False) -> str:
    """What became of the blocks of one model in the other."""
    text = "".join(f"{line}\n" for line in _lines(old, new, difference))
    return text if color else click.unstyle(text)


def headline(difference: Difference) -> str:
    """What differs, as one line."""
    if difference.same:
        return f"no difference: {counted(difference.matched, 'residual block')} in both"
    shortcuts = len(difference.lost_shortcuts)
    parts = (
        (shortcuts, "shortcut", "lost"),
        (len(difference.lost) - shortcuts, "block", "gone"),
        (len(difference.gained), "block", "gained"),
        (len(difference.changed), "block", "changed"),
    )
    told = [f"{counted(number, noun)} {what}" for number, noun, what in parts if number]
    told += ["layers outside blocks changed"] if difference.outside else []
    told += (
        [f"final norm {'gained' if difference.final_norm[1] else 'lost'}"] if len({*difference.final_norm}) > 1 else []
    )
    old, new = difference.blocks
    return f"{', '.join(told)}; {counted(old, 'residual block')} before, {new} after"


def grouped(changed: Sequence[Changed]) -> Mapping[tuple[str, tuple[Change, ...]], Sequence[Changed]]:
    """The blocks by what they do and how they changed."""
    found: dict[tuple[str, tuple[Change, ...]], list[Changed]] = {}
    for one in changed:
        found.setdefault((word(one.old), one.changes), []).append(one)
    return found


def runs(singles: Sequence[Single]) -> Iterator[Sequence[Single]]:
    """Like blocks in a row that share their fate."""
    run: list[Single] = []
    for single in singles:
        if run and (single.at or _sort(single) != _sort(run[-1]) or single.number != run[-1].number + 1):
            yield run
            run = []
        run.append(single)
    if run:
        yield run


def _sort(single: Single) -> tuple[str, Fate, str]:
    return word(single.block), single.fate, single.at


def span(run: Sequence[Single]) -> str:
    """The blocks of a run by name: the only one, or the first and the last."""
    first, last = (named(single.block, single.number) for single in (run[0], run[-1]))
    return first if len(run) == 1 else f"{first} .. {last}, {len(run)} blocks"


def named(block: Block, number: int) -> str:
    """A block as people call it: its module where that is known, else its merge."""
    return plain(module_of(block.merge) or f"block {number} ({block.merge.id})")


def fate(single: Single, *, lost: bool) -> str:
    """What became of a block that only one model has."""
    there = f" (in the {'new' if lost else 'old'} model they end at {plain(single.at)})" if single.at else ""
    return f"{(_LOST if lost else _GAINED)[single.fate]}{there}"


def _lines(old: str, new: str, difference: Difference) -> Iterator[str]:
    yield f"{click.style(f'{plain(old)} -> {plain(new)}', bold=True)}: {_styled(difference)}"
    for sign, singles, color in (("-", difference.lost, "red"), ("+", difference.gained, "green")):
        for run in runs(singles):
            name = f"{word(run[0].block)}: {span(run)}"
            yield f"  {click.style(sign, fg=color)} {name}: {fate(run[0], lost=sign == '-')}"
    for (does, changes), blocks in grouped(difference.changed).items():
        more = f" and {len(blocks) - _NAMED} more" if len(blocks) > _NAMED else ""
        names = ", ".join(named(b.old, b.number) for b in blocks[:_NAMED])
        yield f"  {click.style('~', fg='yellow')} {does}: {names}{more}"
        yield from (f"      {change.what:<14}  {plain(change.old)} -> {plain(change.new)}" for change in changes)
    yield from _around(difference)


def _styled(difference: Difference) -> str:
    color = "green" if difference.same else "red" if difference.lost_shortcuts else "yellow"
    return click.style(headline(difference), fg=color)


def _around(difference: Difference) -> Iterator[str]:
    if difference.outside:
        yield f"    outside  {outside(difference.outside)}"
    before, after = difference.final_norm
    if before is not after:
        yield f"    final    {'normalized' if before else 'not normalized'} -> {'normalized' if after else 'not normalized'}"
    yield f"    depth    {_numbers(difference, _COUNTS)}"
    yield f"    cost     {_numbers(difference, _AMOUNTS)}"
    if difference.unknown:
        yield f"             not counted in one of them: {plain(', '.join(difference.unknown))}"


def outside(more: Mapping[str, int]) -> str:
    """Layers in no block that came and went: `+2 Conv[64, 64, 3, 3]`."""
    return plain(", ".join(f"{n:+d} {what}" for what, n in more.items()))


def _numbers(difference: Difference, names: Mapping[str, str]) -> str:
    return " · ".join(f"{label} {moved(*difference.numbers[name])}" for name, label in names.items())


def moved(old: int, new: int) -> str:
    """A number before and after: `50 -> 48 (-2)`, `25.6 M -> 12.8 M (-50 %)`."""
    if old == new:
        return amount(old)
    change = f"{100 * (new - old) / old:+.3g} %" if old >= 1000 else f"{new - old:+d}"
    return f"{amount(old)} -> {amount(new)} ({change})"


def amount(number: int) -> str:
    """A number as people write it: `25.6 M`."""
    for size, unit in ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**4, " k")):
        if number >= size:
            return f"{number / (1000 if unit == ' k' else size):.4g}{unit}"
    return str(number)
