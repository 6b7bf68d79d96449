"""Anatomy in, shortcuts that fork before an earlier merge of their own stack out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.siblings import weights_of
from reslint.anatomy.signature import extent
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called

_ENOUGH = 2  # blocks on one fork that make a slip of it: one long skip is a design, several in a row are not


@rule("stale-shortcut", "shortcut", Severity.WARNING, Confidence.LIKELY)
def stale_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The shortcut forks before an earlier merge of its own stack, so that the blocks between are bypassed."""
    for flow in anatomy.flows:
        here = [b for b in anatomy.blocks if b.net is flow.net and b.kind is Kind.IDENTITY]
        for group in _on_one_fork(here):
            stale = [b for b in group[1:] if _follows(anatomy, b, group)]
            if len(stale) >= _ENOUGH:
                first = stale[0]
                yield Draft(
                    first.merge,
                    first.net,
                    f"the shortcut{called(first.merge)} still starts at {first.fork}, where the first of {len(group)} blocks "
                    "started: what the blocks between added is bypassed",
                    "take the shortcut anew before each block",
                    {"fork": first.fork, "blocks": len(group), "bypassed_merges": [b.merge.id for b in group[:-1]][:8]},
                    related=tuple(b.merge for b in stale[1:]),
                )


def _on_one_fork(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Like blocks that share a fork and a size, in order."""
    found: dict[tuple[object, ...], list[Block]] = {}
    for block in blocks:
        key = (block.fork, extent(block.net, block.merge.id))
        found.setdefault(key, []).append(block)
    yield from (group for group in found.values() if len(group) > _ENOUGH)


def _follows(anatomy: Anatomy, block: Block, group: Sequence[Block]) -> bool:
    """Whether a branch runs through earlier merges of its group and then does a sibling's work, with weights of its own.

    The same weights again are the steps of a solver (Runge-Kutta, LISTA), which start from one point on purpose.
    """
    inner = {b.merge.id: b for b in group}
    passed = [inner[name] for name in block.inner if name in inner]
    if not passed:
        return False
    own, weights = anatomy.work_of(block), weights_of(block.net, block.branch)
    like = [b for b in passed if anatomy.work_of(b) == own]
    return bool(own and like) and not any(weights & weights_of(b.net, b.branch) for b in like)
