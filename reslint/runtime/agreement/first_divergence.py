"""Two runs that disagree in, the first residual block at which their streams part out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reslint.measure import Agreement
from reslint.runtime.agreement.compare import Tolerances, difference
from reslint.runtime.launch.process import Limits, launch
from reslint.runtime.model.runnable import Runnable, plan
from reslint.runtime.model.taps import shown
from reslint.runtime.probes.streams import Stream, exposed
from reslint.runtime.protocol.job import Feed, Plan
from reslint.runtime.protocol.providers import CPU

_AT_ONCE = 8  # whole streams of two models; more would fill the memory


@dataclass(frozen=True, slots=True)
class Side:
    """One of two runs: a model, its blocks, and how it is run."""

    model: Runnable
    found: Sequence[Stream]
    optimized: bool = True
    provider: str = CPU
    half: bool = False
    rounded: str = ""

    def whole(self, label: str) -> Plan:
        """The run as a plan."""
        bare = plan(label, self.model, optimized=self.optimized, provider=self.provider)
        return replace(bare, half=self.half, rounded=self.rounded)

    def showing(self, some: Sequence[Stream]) -> Plan:
        """The same run with these streams as its outputs."""
        proto = shown(exposed(self.model.proto, some), [stream.merged for stream in some])
        return replace(self, model=replace(self.model, proto=proto)).whole("the model with its stream shown")


def parted(
    agreement: Agreement, ours: Side, theirs: Side, feed: Feed, limits: Limits, allowed: Tolerances
) -> Agreement:
    """The same agreement; where it is none, with the first block behind which the streams differ.

    Where the blocks of two models can't be told to be the same, or show no difference once they are looked at, it stays as
    it is.
    """
    if agreement.agrees:
        return agreement
    pairs = tuple(_pairs(ours.found, theirs.found))
    for at in range(0, len(pairs), _AT_ONCE):
        some = pairs[at : at + _AT_ONCE]
        plans = (ours.showing([our for our, _ in some]), theirs.showing([their for _, their in some]))
        answer = launch(plans, ((feed,),), limits)
        if answer.error:
            return agreement
        got, wanted = (list(ran[0].outputs[0].values()) for ran in answer.ran)
        for k, (our, _) in enumerate(some):
            if got[k].ndim != wanted[k].ndim:
                continue  # another layout, as of NCHWc blocks: nothing that could be compared
            if not difference(our.merged, got[k], wanted[k], allowed).agrees:
                return replace(agreement, parts=our.block, before=at + k)
    return replace(agreement, before=len(pairs)) if pairs else agreement


def _pairs(ours: Sequence[Stream], theirs: Sequence[Stream]) -> Iterator[tuple[Stream, Stream]]:
    """The blocks of one model with those of the other: by rank where there are as many, else by the names of their merges."""
    if len(ours) == len(theirs):
        yield from zip(ours, theirs, strict=True)
        return
    named = {stream.merged: stream for stream in theirs}
    yield from ((our, named[our.merged]) for our in ours if our.merged in named)
