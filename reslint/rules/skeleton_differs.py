"""Anatomy in, a finding out where the model's skeleton is not the one that the configuration expects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from reslint.anatomy import Anatomy
from reslint.anatomy.views.skeleton import skeleton
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_PART = re.compile(r"(?:(?P<times>\d{1,6}) *x *)?\[(?P<unit>[^\[\]]*)\]|(?P<word>[^\s,\[\]][^,\[\]]*)")
_SHOWN = 6  # differences
_NAMED = 4  # blocks of one difference
_NOTHING = "no residual blocks"  # as `reslint anatomy --signature` prints it


@dataclass(frozen=True, slots=True)
class Difference:
    """From block `at` on, `found` stands where `expected` should; one of them may be empty."""

    at: int
    found: tuple[str, ...]
    expected: tuple[str, ...]

    @property
    def place(self) -> str:
        """Which blocks, counted from 1."""
        if not self.found:
            return f"after block {self.at}" if self.at else "at the start"
        if self.found == ("final-norm",):
            return "at the end"
        last = self.at + len(self.found)
        return f"block {last}" if len(self.found) == 1 else f"blocks {self.at + 1}..{last}"

    @property
    def says(self) -> str:
        """What is there, and what should be."""
        if not self.found:
            return f"missing: {_named(self.expected)}"
        return f"{_named(self.found)}; expected {_named(self.expected) if self.expected else 'nothing'}"


@rule("skeleton-differs", "file", Severity.ERROR, Confidence.PROVEN)
def skeleton_differs(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The model's skeleton differs from the one that the configuration expects."""
    if settings.skeleton is None or not anatomy.net.ops:
        yield from (Pass(op, anatomy.net, "no skeleton is expected of this model") for op in anatomy.net.ops[-1:])
        return
    have = skeleton(anatomy)
    apart = tuple(differences(words(settings.skeleton), words(have)))
    if not apart:
        yield Pass(anatomy.net.ops[-1], anatomy.net, f"as expected: {have}")
        return
    blocks = [block for stack in anatomy.stacks for block in stack.blocks]
    touched = [blocks[n].merge for d in apart for n in range(d.at, d.at + len(d.found)) if n < len(blocks)]
    nearest = blocks[min(apart[0].at, len(blocks) - 1)] if blocks else None
    yield Draft(
        nearest.merge if nearest else anatomy.net.ops[0],
        nearest.net if nearest else anatomy.net,
        f"the skeleton differs from the expected one: {apart[0].place}: {apart[0].says}",
        "fix the model, or put what `reslint anatomy --signature` prints into [[tool.reslint.expect]]",
        {"expected": settings.skeleton, "have": have, "differences": [f"{d.place}: {d.says}" for d in apart]},
        tuple((d.place, d.says) for d in apart[1:_SHOWN]),
        tuple(merge for merge in touched if nearest and merge is not nearest.merge),
    )


def words(signature: str) -> tuple[str, ...]:
    """A signature block by block: `2 x [pre attn, pre mlp], final-norm` has five words."""
    return tuple(_words(signature)) if signature.strip() != _NOTHING else ()


def _words(signature: str) -> Iterator[str]:
    for part in _PART.finditer(signature):
        if part["word"]:
            yield part["word"].strip()
        else:
            yield from [word.strip() for word in part["unit"].split(",")] * int(part["times"] or 1)


def differences(expected: Sequence[str], found: Sequence[str]) -> Iterator[Difference]:
    """Where two skeletons part, in order."""
    start = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
    start = min(len(expected), len(found)) if start is None else start  # what is alike costs difflib most
    matcher = SequenceMatcher(None, expected[start:], found[start:])
    for what, first, last, at, end in matcher.get_opcodes():
        if what != "equal":
            there = tuple(found[start + at : start + end])
            yield Difference(start + at, there, tuple(expected[start + first : start + last]))


def _named(blocks: Sequence[str]) -> str:
    more = len(blocks) - _NAMED
    return ", ".join(blocks[:_NAMED]) + (f" and {more} more" if more > 0 else "")
