"""An anatomy and the nodes of a profile in, how much of the time each residual block takes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy
from reslint.measure import Share
from reslint.runtime.model.marks import Marked
from reslint.runtime.protocol.job import Event

_OUTSIDE = -1


def shares(anatomy: Anatomy, marked: Marked, events: Sequence[Event]) -> tuple[Share, ...]:
    """The share of each block in order, then that of what lies outside of all blocks."""
    total = sum(event.seconds for event in events)
    if not total:
        return ()
    found = dict.fromkeys((*range(len(anatomy.blocks)), _OUTSIDE), 0.0)
    for home, event in zip(_homes(anatomy, marked, events), events, strict=True):
        found[home] += event.seconds
    named = (Share(block, "", found[at] / total) for at, block in enumerate(anatomy.blocks))
    return (*named, Share(None, "outside of blocks", found[_OUTSIDE] / total))


def _homes(anatomy: Anatomy, marked: Marked, events: Sequence[Event]) -> Iterator[int]:
    """The block of each node, by its place.

    A node that ONNX Runtime made, with a name of its own, such as a SkipLayerNormalization, is where the one before it was.
    """
    places = dict(_places(anatomy))
    here = _OUTSIDE
    for event in events:
        tensor = marked.tensor(event.name)
        if tensor is not None:
            here = places.get(tensor, _OUTSIDE)
        yield here


def _places(anatomy: Anatomy) -> Iterator[tuple[str, int]]:
    """The block of each tensor that one of its ops makes; an op that belongs to several counts for the innermost one."""
    inner = sorted(range(len(anatomy.blocks)), key=lambda at: -anatomy.blocks[at].branch_ops)
    for at in inner:
        block = anatomy.blocks[at]
        ended = (block.merge, *((block.activation,) if block.activation is not None else ()))
        for op in (*block.shortcut, *block.branch, *ended):
            yield from ((output, at) for output in op.outputs if output)
