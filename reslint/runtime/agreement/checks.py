"""What sessions made of the same inputs in, how well they agree out, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reslint.anatomy import Anatomy, dissect
from reslint.errors import RunFailed
from reslint.measure import SAVED, Agreement, Narrowed, Optimized, Overflowed, Referred, Repeated, Signal
from reslint.net.values import Array
from reslint.runtime.agreement.by_block import Pair, Side, compared_by_block, lost, paired, partners
from reslint.runtime.agreement.compare import EXACT, Tolerances, coarseness, differences
from reslint.runtime.agreement.decided import decided
from reslint.runtime.agreement.reference import opened
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.model.bfloat16 import on_cpu
from reslint.runtime.model.bounded_outputs import squashed
from reslint.runtime.model.runnable import Runnable, is_half, plan, widened
from reslint.runtime.probes.streams import Stream, streams
from reslint.runtime.protocol.job import Answer, Feed, Ran
from reslint.runtime.protocol.providers import CPU
from reslint.runtime.request import Wanted

_FEW, _SEVERAL = (
    4,
    16,
)  # inputs on which agreement, and disagreement, is looked at block by block: each takes three processes


@dataclass(frozen=True, slots=True)
class Known:
    """A model that ran: its blocks, what it was fed, what it may take, how far from a reference it may be, and where it ran.

    `there` is the model as another provider is given it.
    """

    anatomy: Anatomy
    model: Runnable
    found: Sequence[Stream]
    feeds: tuple[Feed, ...]
    limits: Limits
    tolerances: Tolerances
    home: str = CPU
    there: Runnable | None = None

    @property
    def side(self) -> Side:
        """The model as one of two that are compared."""
        return Side(self.model, self.found, provider=self.home)

    def compared(
        self, got: Mapping[str, Array], wanted: Mapping[str, Array], kind: type[Agreement], against: str
    ) -> Agreement:
        """How far outputs are from what they should be."""
        found = differences(got, wanted, self.tolerances, squashed(self.anatomy.net))
        return kind(self.anatomy, against, tuple(found))

    def tied(self, agreement: Agreement, ours: Side, theirs: Side, at: int) -> Agreement:
        """The agreement of two runs of this model, in which ties that fell otherwise count for nothing."""
        if agreement.agrees:
            return agreement
        return decided(agreement, ours, theirs, self.feeds[at], self.limits, self.tolerances)

    def by_block(
        self, agreement: Agreement, ours: Side, theirs: Side, at: int, pairs: Sequence[Pair] | None = None
    ) -> Agreement:
        """The agreement on input number `at` with the noise of each block."""
        if at >= (_FEW if agreement.agrees else _SEVERAL):
            return agreement
        both = paired(ours.found, theirs.found) if pairs is None else pairs
        return compared_by_block(agreement, ours, theirs, both, self.feeds[at], self.limits, self.tolerances)


def agreements(known: Known, answer: Answer, saved: Sequence[Mapping[str, Array]]) -> Iterator[Agreement]:
    """The model against itself run again, without optimizations, and against what was saved."""
    exact = replace(known, tolerances=EXACT)
    for at, ran in enumerate(answer.ran[0]):
        once, again = ran.outputs
        repeated = exact.compared(once, again, Repeated, "itself, run again")
        # Two sessions with other outputs fuse otherwise: what differs in the last bits only is not the place.
        yield repeated if repeated.agrees else known.by_block(repeated, known.side, known.side, at)
        if repeated.agrees:  # else whatever differs may be chance
            bare = answer.ran[1][at].outputs[0]
            optimized = known.compared(once, bare, Optimized, "itself without graph optimizations")
            bare_side = replace(known.side, optimized=False)
            optimized = known.tied(optimized, known.side, bare_side, at)
            yield optimized if optimized.agrees else known.by_block(optimized, known.side, bare_side, at)
        if at < len(saved) and saved[at]:
            found = known.compared(once, saved[at], Referred, SAVED)
            if not found.differences:
                names = (", ".join(sorted(some)) for some in (saved[at], once))
                raise RunFailed("can't be compared: the file holds {}, but the model gives {}".format(*names))
            yield found


def referred(known: Known, answer: Answer, wanted: Wanted) -> Iterator[Agreement]:
    """The model against another one, on the same inputs."""
    if wanted.against is None or wanted.against.suffix == ".npz":
        return
    name = wanted.against.name or str(wanted.against)
    wanted.say(f"comparing with {name}")
    other = opened(known.anatomy.net, wanted, on_cpu)
    reference = dissect(other.net)
    theirs = launch(
        (plan(name, other.model, provider=known.home),), tuple((feed,) for feed in known.feeds), known.limits
    )
    if theirs.error:
        raise RunFailed(f"can't be compared: {told(theirs.error)}")
    coarse = replace(known, tolerances=known.tolerances.at_least(other.model.was or coarseness(other.model.proto)))
    for at, ran in enumerate(theirs.ran[0]):
        found = coarse.compared(answer.ran[0][at].outputs[0], other.renamed(ran.outputs[0]), Referred, name)
        if not found.differences:
            raise RunFailed(
                f"can't be compared: {name} has no output of the same name, and none that stands at the same place with the "
                f"same type and shape; it has {', '.join(other.net.outputs)}; say which is which with --map OURS=THEIRS"
            )
        side = Side(other.model, streams(reference), provider=known.home)
        found = coarse.tied(found, known.side, side, at) if not other.matched else found
        pairs = partners(known.found, side.found, known.anatomy, reference)
        found = replace(found, lost=() if found.agrees else lost(known.anatomy, reference), matched=other.matched)
        yield coarse.by_block(found, known.side, side, at, pairs)


def narrowed(known: Known, answer: Answer, wanted: Wanted) -> Iterator[Agreement]:
    """The model in half precision against itself in float32."""
    if wanted.precision != "float16":
        return
    coarse = replace(known, tolerances=known.tolerances.at_least("float16"))
    mine = answer.ran[0]
    if is_half(known.model.proto):
        wide = replace(known.side, model=widened(known.model, known.anatomy.net))
        for at, theirs in enumerate(_ran(known, wide, known.feeds)):
            found = coarse.compared(mine[at].outputs[0], theirs.outputs[0], Narrowed, "float32")
            yield coarse.by_block(coarse.tied(found, known.side, wide, at), known.side, wide, at)
        return
    half = replace(known.side, half=True)
    for at, ours in enumerate(_ran(known, half, known.feeds)):
        found = coarse.compared(ours.outputs[0], mine[at].outputs[0], Narrowed, "float32, converted to float16")
        yield coarse.by_block(coarse.tied(found, half, known.side, at), half, known.side, at)


def _ran(known: Known, side: Side, feeds: Sequence[Feed]) -> Sequence[Ran]:
    label = f"the model in {'float16' if side.half else side.rounded or 'float32'}"
    answer = launch((side.whole(label),), tuple((feed,) for feed in feeds), known.limits)
    if answer.error:
        raise RunFailed(f"fails: {told(answer.error)}")
    return answer.ran[0]


def rounded(known: Known, signal: Signal, answer: Answer, wanted: Wanted) -> Iterator[Signal | Agreement]:
    """The signal, with the first op that overflows where each op is rounded on the first input, and how far that leads."""
    if not wanted.rounded:
        yield signal
        return
    kind = wanted.precision or known.model.was or "float16"
    converted = kind == "float16" and not is_half(known.model.proto)
    side = replace(known.side, half=converted, rounded=kind, provider=CPU)
    ran = _ran(known, side, known.feeds[:1])[0]
    coarse = replace(known, tolerances=known.tolerances.at_least(kind))
    told = f"itself, rounded to {kind} after every op"
    found = coarse.compared(ran.outputs[0], answer.ran[0][0].outputs[0], Narrowed, told)
    net = known.anatomy.net
    if ran.overflow is not None:
        name = net.canonical(ran.overflow.tensor)
        readers = net.consumers.get(name, net.ops[-1:])
        op = net.producer.get(name) or readers[0]  # what is made of constants alone has no op of its own
        signal = replace(signal, overflow=Overflowed(net, op, ran.overflow.peak, kind, not found.agrees))
    yield signal
    yield coarse.by_block(found, side, known.side, 0)
