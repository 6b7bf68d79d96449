"""Two runs are compared at each residual block: as the streams went, and with each block fed the reference's stream.

What a block gets wrong goes on through all that follow. A block that reads the reference's stream shows its own error alone,
so that the one at fault stands out among its neighbours, however late the outputs pass their tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnx import ModelProto, TensorProto, helper

from reslint.anatomy import Anatomy, Block
from reslint.comparison.align import aligned
from reslint.comparison.row import rows
from reslint.measure import Agreement, Noise
from reslint.net.values import Array
from reslint.runtime.agreement.compare import Tolerances, difference
from reslint.runtime.launch.process import Limits, launch
from reslint.runtime.model.runnable import Runnable, plan
from reslint.runtime.model.taps import PREFIX, shown
from reslint.runtime.probes.streams import Stream, exposed
from reslint.runtime.protocol.job import Feed, Plan
from reslint.runtime.protocol.providers import CPU

_AT_ONCE = 8  # blocks whose tensors are held at first; the next ones as these need memory
_MOST = 64
_BYTES = 1 << 28  # of the tensors of one side
_CUT = "reslint.cut."
_NUMPY: Mapping[int, type] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
}

Pair = tuple[Stream, Stream]


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

    def showing(self, names: Sequence[str]) -> Plan:
        """The same run with these tensors as its outputs."""
        return self._showing(exposed(self.model.proto, self.found), names)

    def alone(self, some: Sequence[Stream]) -> tuple[Plan, tuple[str, ...]]:
        """The run with each block's stream, as it comes out, where what goes in is fed; and the tensors that are."""
        proto = exposed(self.model.proto, self.found)
        kinds = {s.into: self._type(s) for s in some if not s.into.startswith(PREFIX)}
        fed = tuple(cut(proto, {name: kind for name, kind in kinds.items() if kind in _NUMPY}))
        return self._showing(proto, [f"{_CUT}{s.merged}" if s.merged in fed else s.merged for s in some]), fed

    def _type(self, stream: Stream) -> int:
        kind = stream.block.net.value(stream.into).type or TensorProto.FLOAT
        return TensorProto.FLOAT if kind == TensorProto.BFLOAT16 and self.model.was else kind

    def _showing(self, proto: ModelProto, names: Sequence[str]) -> Plan:
        model = replace(self.model, proto=shown(proto, names))
        return replace(self, model=model).whole("the model with its stream shown")


def cut(model: ModelProto, kinds: Mapping[str, int]) -> Iterator[str]:
    """Make inputs of tensors that a node makes, in place, by name and type: all that read them read what is fed.

    Yields the names of those that became one.
    """
    told = [value for value in model.graph.value_info if value.name not in kinds]
    del model.graph.value_info[:]
    model.graph.value_info.extend(told)
    for node in model.graph.node:
        for at, name in enumerate(node.output):
            if name in kinds:
                node.output[at] = f"{_CUT}{name}"
                model.graph.input.append(helper.make_tensor_value_info(name, kinds[name], None))
                yield name


def compared_by_block(
    agreement: Agreement,
    ours: Side,
    theirs: Side,
    pairs: Sequence[Pair],
    feed: Feed,
    limits: Limits,
    allowed: Tolerances,
) -> Agreement:
    """The agreement with the noise of each block, and where it is none with the first one behind which the streams differ.

    Where the blocks can't be looked at, or show no difference once they are, it stays as it is.
    """
    noises: list[Noise] = []
    first: int | None = None
    at, many = 0, _AT_ONCE
    while at < len(pairs):
        some = pairs[at : at + many]
        found, apart, held = _compared(ours, theirs, some, feed, limits, allowed)
        if not found:
            break
        noises.extend(found)
        first = at + apart.index(True) if first is None and any(apart) else first
        at += len(some)
        many = max(1, min(_MOST, int(len(some) * _BYTES / max(held, 1))))
    whole = replace(agreement, blocks=tuple(noises))
    if agreement.agrees or not noises:
        return whole
    if first is None:
        return replace(whole, before=at)
    faults = whole.faults  # noise that all blocks have passes a narrow tolerance at once
    return replace(whole, before=first, parts=faults[0].block if faults else noises[first].block)


def _compared(
    ours: Side, theirs: Side, some: Sequence[Pair], feed: Feed, limits: Limits, allowed: Tolerances
) -> tuple[list[Noise], list[bool], int]:
    """The noise of some blocks, which of them differ beyond tolerance, and the bytes that this took."""
    wanted = tuple(dict.fromkeys(name for _, s in some for name in (s.into, s.branch, s.merged)))
    plans = (ours.showing([our.merged for our, _ in some]), theirs.showing(wanted))
    answer = launch(plans, ((feed,),), limits)
    if answer.error:
        return [], [], 0
    got, given = (list(ran[0].outputs[0].values()) for ran in answer.ran)
    reference = dict(zip(wanted, given, strict=True))
    own = _own(ours, some, reference, feed, limits)
    noises, apart = [], []
    for at, (our, their) in enumerate(some):
        right = reference[their.merged]
        found = difference(our.merged, got[at], right, allowed) if got[at].ndim == right.ndim else None
        apart.append(found is not None and not found.agrees)  # of another rank: NCHWc blocks, nothing to compare
        branch = reference[their.branch]
        above = 10 * math.log10((power(right) or 1.0) / (power(branch) or 1.0))
        noises.append(Noise(our.block, ratio_db(got[at], right, right), ratio_db(own[at], right, branch), above))
    return noises, apart, sum(array.nbytes for array in given)


def _own(
    ours: Side, some: Sequence[Pair], reference: Mapping[str, Array], feed: Feed, limits: Limits
) -> Sequence[Array | None]:
    """What each block makes of the reference's stream; None where it can't be fed."""
    nothing: list[Array | None] = [None] * len(some)
    if ours.model.wide:
        return nothing  # what is fed as half precision would be widened, and these are wide already
    one, fed = ours.alone([our for our, _ in some])
    known = {*fed, *(name for our, _ in some for name in our.block.net.inputs)}
    kinds = {i.name: i.type.tensor_type.elem_type for i in ModelProto.FromString(one.model).graph.input}
    values = {our.into: reference[their.into] for our, their in some if our.into in fed}
    streams: dict[str, Array] = {name: value.astype(_NUMPY[kinds[name]]) for name, value in values.items()}
    answer = launch((one,), (({**feed, **streams},),), limits)
    if answer.error:
        return nothing
    made = list(answer.ran[0][0].outputs[0].values())
    return [made[at] if our.into in known else None for at, (our, _) in enumerate(some)]


def ratio_db(got: Array | None, wanted: Array, signal: Array) -> float | None:
    """The power of a signal over that of the difference, in dB: infinite where nothing differs, None without a number."""
    if got is None or got.shape != wanted.shape or not got.size:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        noise = power(got.astype(np.float64) - wanted.astype(np.float64))
    if noise == 0:
        return math.inf
    strength = power(signal)
    return 10 * math.log10(strength / noise) if strength and noise else None


def power(array: Array) -> float | None:
    """The mean square, None where that is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(np.mean(np.square(array.astype(np.float64))))
    return found if math.isfinite(found) else None


def paired(ours: Sequence[Stream], theirs: Sequence[Stream]) -> tuple[Pair, ...]:
    """The blocks of two models that stand for each other: by rank where there are as many, else by the names of merges."""
    if len(ours) == len(theirs):
        return tuple(zip(ours, theirs, strict=True))
    named = {stream.merged: stream for stream in theirs}
    return tuple((our, named[our.merged]) for our in ours if our.merged in named)


def partners(ours: Sequence[Stream], theirs: Sequence[Stream], mine: Anatomy, other: Anatomy) -> tuple[Pair, ...]:
    """The same where the number differs: by the alignment that `reslint diff` makes, from the structure."""
    if len(ours) == len(theirs):
        return paired(ours, theirs)
    left, right = ({s.block.merge.id: s for s in found} for found in (ours, theirs))
    both = ((a.block, b.block) for a, b in aligned(rows(other), rows(mine)) if a is not None and b is not None)
    known = [(b.merge.id, a.merge.id) for a, b in both if a is not None and b is not None]
    found = [(left[our], right[their]) for our, their in known if our in left and their in right]
    return tuple(sorted(found, key=lambda pair: pair[0].block.merge.place))


def lost(mine: Anatomy, other: Anatomy) -> tuple[Block, ...]:
    """The blocks of the other model that have no partner here, where it has more of them."""
    if len(mine.blocks) >= len(other.blocks):
        return ()
    pairs = tuple(aligned(rows(other), rows(mine)))
    return tuple(a.block for a, b in pairs if a is not None and a.block is not None and (b is None or b.block is None))
