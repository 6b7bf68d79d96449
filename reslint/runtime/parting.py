"""Two models that disagree in, the first residual block at which their streams part out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind
from reslint.runtime.compare import differences
from reslint.runtime.job import Feed, Plan
from reslint.runtime.launch import Limits, launch
from reslint.runtime.model import Runnable
from reslint.runtime.taps import shown

_AT_ONCE = 8  # whole streams of two models; more would fill the memory

Known = tuple[Anatomy, Runnable]


def first_apart(ours: Known, theirs: Known, feed: Feed, limits: Limits) -> Block | None:
    """The first block behind which the streams differ; None where the models have not the same blocks, or none differs."""
    blocks, others = (tuple(_blocks(anatomy)) for anatomy, _ in (ours, theirs))
    if len(blocks) != len(others):
        return None
    for at in range(0, len(blocks), _AT_ONCE):
        some = slice(at, at + _AT_ONCE)
        plans = (_plan(ours[1], blocks[some]), _plan(theirs[1], others[some]))
        answer = launch(plans, ((feed,),), limits)
        if answer.error:
            return None
        got, wanted = (ran[0].outputs[0] for ran in answer.ran)
        for found, block in zip(differences(got, wanted, 0.0), blocks[some], strict=True):
            if not found.agrees:
                return block
    return None


def _blocks(anatomy: Anatomy) -> Iterator[Block]:
    return (b for b in anatomy.blocks if b.net is anatomy.net and b.kind is not Kind.DENSE)


def _plan(model: Runnable, blocks: tuple[Block, ...]) -> Plan:
    tapped = shown(model.proto, [block.merge.id for block in blocks])
    return Plan("the model with its stream shown", tapped.SerializeToString(), str(model.folder), model.weights)
