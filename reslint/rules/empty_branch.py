"""Anatomy in, merges that add a tensor to itself out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Merge
from reslint.anatomy.graph.ops import POOLING, adds_to_itself
from reslint.finding import Confidence, Severity
from reslint.rules._support.words import called, producer
from reslint.rules.rule import Draft, Settings, rule


@rule("empty-branch", "shortcut", Severity.ERROR, Confidence.PROVEN)
def empty_branch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A merge adds a tensor to itself."""
    for merge in anatomy.merges:
        if adds_to_itself(merge.op) and not _is_merged_pooling(merge):
            name = merge.op.inputs[0]
            yield Draft(
                merge.op,
                merge.net,
                f"the merge{called(merge.op)} adds {name} to itself: there is no branch",
                "add the branch's output to the shortcut, or multiply by 2 if doubling is intended",
                {"tensor": name, "made_by": producer(merge.net, name)},
            )


def _is_merged_pooling(merge: Merge) -> bool:
    """Whether two equal poolings of a cell were merged into one by the exporter (NASNet adds two of one input)."""
    made = merge.net.producer.get(merge.op.inputs[0])
    readers = {op.id for op in merge.net.consumers.get(merge.op.inputs[0], ())}
    return made is not None and made.type in POOLING and len(readers) == 1
