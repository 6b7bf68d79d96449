"""Anatomy in, the one of many like blocks that lost a normalization out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set

from reslint.anatomy import Anatomy, Block, Placement, Stack
from reslint.anatomy.describe.block import is_normed_behind
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.views.siblings import norm_forms
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_ENOUGH, _LOOSELY = 2, 5  # siblings of one size that make a rule of it, and across stages (heuristics)
_REGULAR = 0.75  # share of a model's blocks that must normalize at all
_STREAM = "stream"

Profile = tuple[tuple[str, int], ...]


@rule("inconsistent-normalization", "norm", Severity.WARNING, Confidence.LIKELY)
def inconsistent_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """One block lacks the normalization that its siblings have."""
    flows = {id(flow.net): flow for flow in anatomy.flows}
    profiles: dict[str, Profile] = {block.merge.id: () for block in anatomy.blocks}
    for stack in anatomy.stacks if any(flow.norms for flow in anatomy.flows) else ():
        for block, behind in zip(stack.blocks, _behind(flows, stack), strict=True):
            profiles[block.merge.id] = _profile(flows[id(block.net)], block, behind)
    inside = {name for block in anatomy.blocks for name in block.inner}
    whole = [block for block in anatomy.blocks if block.merge.id not in inside]
    bare = [b for b in whole if not profiles[b.merge.id] and b.normalization is not Placement.FOLDED]
    if len(whole) - len(bare) < max(4, _REGULAR * len(whole)):
        why = f"unnormalized, but only {len(whole) - len(bare)} of {len(whole)} blocks are normalized, too few to be the rule"
        yield from (Pass(b.merge, b.net, why) for b in bare)
        return
    heads = {stack.blocks[0].merge.id for stack in anatomy.stacks}
    kin = {block.merge.id for family in anatomy.families if len(family) > 1 for block in family}
    told: set[str] = set()
    branches = {name: tuple(p for p in profile if p[0] != _STREAM) for name, profile in profiles.items()}
    streams = {block.merge.id: tuple(p for p in profiles[block.merge.id] if p[0] == _STREAM) for block in whole}
    near: list[Pass] = []
    for said in (
        *(d for family in anatomy.families for d in _odd(family, profiles, _ENOUGH, heads)),
        *(d for pair in anatomy.families if len(pair) == 2 and len(bare) < 2 for d in _odd(pair, branches, 1, heads)),
        *(d for family in anatomy.loose_families for d in _odd(family, profiles, _LOOSELY, heads)),
        *(
            d
            for d in _odd(whole, streams, max(_LOOSELY, len(streams) - 1), heads)
            if isinstance(d, Draft) and d.op.id in kin
        ),
    ):
        if isinstance(said, Pass):
            near.append(said)
        elif said.op.id not in told:
            told.add(said.op.id)
            yield said
    yield from (miss for miss in near if miss.op.id not in told)


def _odd(family: Sequence[Block], profiles: Mapping[str, Profile], enough: int, heads: Set[str]) -> Iterator[Said]:
    """The few blocks of a family with fewer normalizations than most; the first of a stack may do without its own."""
    here = [profiles[block.merge.id] for block in family]
    usual, count = max(Counter(here).items(), key=lambda item: (item[1], sum(n for _, n in item[0])))
    odd = [
        (block, lost, profile)
        for block, profile in zip(family, here, strict=True)
        if (lost := Counter(dict(usual)) - Counter(dict(profile))) and not Counter(dict(profile)) - Counter(dict(usual))
    ]
    starts = any(b.normalization is Placement.PRE for b, p in zip(family, here, strict=True) if p == usual)
    first = [o for o in odd if not o[1][_STREAM] and starts and o[0].merge.id in heads]
    yield from (
        Pass(b.merge, b.net, "it lacks the siblings' normalization, but is the first block of its stack")
        for b, _, _ in first
    )
    odd = [o for o in odd if o not in first]
    if count < enough or len(odd) > (1 if enough >= _LOOSELY else max(1, len(family) // 6)):
        why = f"it lacks a normalization that only {count} of {len(family)} similar blocks have"
        yield from (Pass(b.merge, b.net, why) for b, _, _ in odd)
        return
    for block, lost, profile in odd:
        where = "after its merge" if lost[_STREAM] else "in its branch"
        yield Draft(
            block.merge,
            block.net,
            f"the block{called(block.merge)} lacks a normalization {where} that {count} sibling blocks have",
            f"normalize {where}, as the siblings do",
            {"siblings": count, "theirs": dict(usual), "here": dict(profile)},
            (("siblings", f"{count} with {_told(usual)}"), ("here", _told(profile))),
        )


def _behind(flows: Mapping[int, Dataflow], stack: Stack) -> Iterator[bool]:
    """Whether the stream is normalized behind each merge.

    What stands behind the last one may be the head's: it is taken to have what the last one of the same work before it has.
    """
    found = [is_normed_behind(flows[id(block.net)], block.merge) for block in stack.blocks]
    *before, last = stack.blocks
    alike = (here for block, here in zip(reversed(before), found[-2::-1], strict=True) if block.work == last.work)
    yield from (*found[:-1], next(alike, found[-1]))


def _profile(flow: Dataflow, block: Block, behind: bool) -> Profile:
    """The normalizations of a block's branch by form, and whether its stream is normalized behind the merge."""
    forms = norm_forms(flow, block)
    forms[_STREAM] += behind
    return tuple(sorted((+forms).items()))


def _told(profile: Profile) -> str:
    return ", ".join(f"{n} {form}" for form, n in profile) or "none"
