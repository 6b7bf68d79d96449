"""Anatomy in, the one of many like blocks that lost a normalization out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Placement
from reslint.anatomy.flow import Flow, flow_of
from reslint.anatomy.siblings import families, norm_forms
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.words import called

_ENOUGH = 3  # siblings that make a rule of it, a heuristic
_STREAM = "stream"


@rule("inconsistent-normalization", "norm", Severity.WARNING, Confidence.LIKELY)
def inconsistent_normalization(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """One of many like blocks lacks the normalization that its siblings have."""
    flows = {id(net): flow_of(net) for net in anatomy.net.nets()}
    for family in families(anatomy.blocks):
        yield from _odd(flows[id(family[0].net)], family)


def _odd(flow: Flow, family: Sequence[Block]) -> Iterator[Draft]:
    profiles = [_profile(flow, block) for block in family]
    usual, count = Counter(profiles).most_common(1)[0]
    if count < _ENOUGH or len(family) - count > max(1, len(family) // 6):
        return
    for at, (block, profile) in enumerate(zip(family, profiles, strict=True)):
        lost = Counter(dict(usual)) - Counter(dict(profile))
        gained = Counter(dict(profile)) - Counter(dict(usual))
        if lost and not gained and 0 < at < len(family) - 1:
            where = "behind its merge" if lost[_STREAM] else "in its branch"
            yield Draft(
                block.merge,
                block.net,
                f"the block{called(block.merge)} lacks the {', '.join(lost)} normalization {where} that {count} sibling blocks have",
                f"normalize {where}, as the siblings do",
                {"siblings": count, "theirs": dict(usual), "here": dict(profile)},
                (("siblings", f"{count} with {_told(usual)}"), ("here", _told(profile))),
                related=tuple(b.merge for b, p in zip(family, profiles, strict=True) if p == usual)[:1],
            )


def _profile(flow: Flow, block: Block) -> tuple[tuple[str, int], ...]:
    """The normalizations of a block's branch by form, and whether its stream is normalized behind the merge."""
    forms = norm_forms(flow, block)
    if block.normalization is Placement.POST:
        forms[_STREAM] += 1
    return tuple(sorted(forms.items()))


def _told(profile: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{n} {form}" for form, n in profile) or "none"
