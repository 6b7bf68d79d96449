"""A Difference in, Markdown for a pull request's comment or a job's summary out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy.views.skeleton import word
from reslint.comparison import Difference
from reslint.report.check.markdown import LONGEST, code, prose
from reslint.report.diff.text import fate, grouped, headline, moved, named, runs, span

_NAMED = 12
_NUMBERS = {
    "residual_blocks": "residual blocks",
    "weighted_layers": "weighted layers on the longest path",
    "longest_plain": "layers in a row that no shortcut bypasses",
    "params": "parameters",
    "macs": "multiply-accumulates",
    "activation_bytes": "bytes of activations",
}


def render(old: str, new: str, difference: Difference) -> str:
    """A line that sums up, a table of the blocks that differ, and one of the numbers."""
    head = f"### reslint diff: {prose(headline(difference))}\n\n{code(old)} → {code(new)}\n"
    room = LONGEST - len(head)
    rows: list[str] = []
    for row in _rows(difference):
        room -= len(row)
        if room < 0:
            rows.append("| | | more is left out here |\n")
            break
        rows.append(row)
    blocks = f"\n| | block | change |\n|---|---|---|\n{''.join(rows)}" if rows else ""
    return f"{head}{blocks}{_numbers(difference)}"


def _rows(difference: Difference) -> Iterator[str]:
    for sign, singles in (("lost", difference.lost), ("gained", difference.gained)):
        for run in runs(singles):
            what = f"{prose(word(run[0].block))}<br>{code(span(run))}"
            yield f"| **{sign}** | {what} | {prose(fate(run[0], lost=sign == 'lost'))} |\n"
    for (does, changes), blocks in grouped(difference.changed).items():
        more = f"<br>and {len(blocks) - _NAMED} more" if len(blocks) > _NAMED else ""
        names = "<br>".join(code(named(b.old, b.number)) for b in blocks[:_NAMED])
        told = "<br>".join(f"{prose(c.what)}: {code(c.old)} → {code(c.new)}" for c in changes)
        yield f"| changed | {prose(does)}<br>{names}{more} | {told} |\n"
    for what, number in difference.outside.items():
        yield f"| {'gained' if number > 0 else 'lost'} | outside blocks | {abs(number)} × {code(what)} |\n"
    if difference.final_norm[0] is not difference.final_norm[1]:
        yield f"| **{'lost' if difference.final_norm[0] else 'gained'}** | after the last block | the final norm |\n"


def _numbers(difference: Difference) -> str:
    told = {label: difference.numbers[name] for name, label in _NUMBERS.items()}
    rows = "".join(f"| {label} | {moved(*pair)} |\n" for label, pair in told.items() if pair[0] != pair[1])
    return f"\n| | |\n|---|---|\n{rows}" if rows else ""
