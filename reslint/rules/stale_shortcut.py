"""Anatomy in, shortcuts that fork before an earlier merge of their own stack out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from reslint.anatomy import Anatomy, Block, Kind
from reslint.anatomy.graph.ops import NORMS
from reslint.anatomy.views.siblings import weights_of
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_ENOUGH = 2  # blocks on one fork that make a slip of it: one long skip is a design, several in a row are not


@rule("stale-shortcut", "shortcut", Severity.WARNING, Confidence.LIKELY)
def stale_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The shortcut forks before an earlier merge of its own stack, so the blocks in between are bypassed."""
    for flow in anatomy.flows:
        here = [b for b in anatomy.blocks if b.net is flow.net and b.kind is Kind.IDENTITY]
        yield from _in_each_layer(here)
        for group in _on_one_fork(here, 1 if settings.explain else _ENOUGH):
            merges = {b.merge.id: b for b in group}
            reasons = {b.merge.id: _excused(b, merges) for b in group[1:]}
            stale = [b for b in group[1:] if not reasons[b.merge.id]]
            yield from (Pass(b.merge, b.net, why) for b in group[1:] if (why := reasons[b.merge.id]))
            if len(stale) < _ENOUGH:
                yield from (
                    Pass(b.merge, b.net, "a single long skip may be intentional; only several in a row are reported")
                    for b in stale
                )
            else:
                first = stale[0]
                yield Draft(
                    first.merge,
                    first.net,
                    f"the shortcut{called(first.merge)} still forks at {first.fork}, as the first of {len(group)} blocks does: "
                    "what the blocks in between added is bypassed",
                    "start a new shortcut before each block",
                    {"fork": first.fork, "blocks": len(group), "bypassed_merges": [b.merge.id for b in group[:-1]][:8]},
                    related=tuple(b.merge for b in stale[1:]),
                )


def _in_each_layer(blocks: Sequence[Block]) -> Iterator[Draft]:
    """The second sum of post-norm layers adds the layer's input, not the normalized first sum, which its branch reads."""
    by_merge = {b.merge.id: b for b in blocks}
    stale = [b for b in blocks if len(b.inner) == 1 and _skips_first_sum(b, by_merge.get(b.inner[0]))]
    if len({b.fork for b in stale}) >= _ENOUGH:
        first = stale[0]
        yield Draft(
            first.merge,
            first.net,
            f"the shortcut{called(first.merge)} starts at the layer's input {first.fork}, but its branch at the normalized sum "
            f"behind {first.inner[0]}, which is dropped; so it is in {len(stale)} layers",
            "add what the branch reads: the output of the first normalization",
            {"fork": first.fork, "dropped": first.inner[0], "layers": len(stale)},
            related=tuple(b.merge for b in stale[1:]),
        )


def _skips_first_sum(block: Block, inner: Block | None) -> bool:
    """Whether a block's fork is that of a post-norm sum inside, of which nothing but its branch reads."""
    if inner is None or inner.fork != block.fork or not block.nonlinear or block.scale_branch is not None:
        return False
    own = Counter(dict(block.work))
    return bool(block.work and inner.work) and own != Counter(dict(inner.work)) and _is_normalized(block, inner)


def _is_normalized(block: Block, inner: Block) -> bool:
    """Whether the inner sum goes through a normalization into the branch alone, and the outer one through one as well."""
    readers = [block.net.consumers.get(end.id, ()) for end in (inner.end, block.end)]
    return all(read and all(op.type in NORMS for op in read) for read in readers)


def _on_one_fork(blocks: Sequence[Block], more_than: int) -> Iterator[list[Block]]:
    """Like blocks that share a fork and a size, in order, where there are more than so many."""
    found: dict[tuple[object, ...], list[Block]] = {}
    for block in blocks:
        found.setdefault((block.fork, block.size), []).append(block)
    yield from (group for group in found.values() if len(group) > more_than)


def _excused(block: Block, inner: Mapping[str, Block]) -> str:
    """Why a block may fork where others did; empty where its branch runs through their merges and then does a sibling's work.

    `inner` are the blocks of its group by their merges. The same weights again are the steps of a solver (Runge-Kutta,
    LISTA), which start from one point on purpose.
    """
    passed = [inner[name] for name in block.inner if name in inner]
    if not passed:
        return "it has the fork of other blocks, but its branch passes through none of their merges"
    own, weights = block.work, weights_of(block.net, block.branch)
    like = [b for b in passed if b.work == own]
    if not own or not like:
        return "it has the fork of an earlier block, but its layers differ from those in between"
    again = any(weights & weights_of(b.net, b.branch) for b in like)
    return "the weights are shared: the steps of a solver start from one point" if again else ""
