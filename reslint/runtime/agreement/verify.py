"""A model file and the inputs and outputs of what it was made from in, how well the two agree out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.views.source import module_of
from reslint.errors import RunFailed
from reslint.measure import Referred
from reslint.net import Net, Op
from reslint.net.values import Array
from reslint.runtime.agreement.compare import Tolerances, difference, differences
from reslint.runtime.launch.process import Limits, launch, told
from reslint.runtime.model.bounded_outputs import squashed
from reslint.runtime.model.runnable import Runnable, plan, runnable
from reslint.runtime.model.taps import shown
from reslint.runtime.probes.streams import exposed, streams
from reslint.runtime.protocol.job import Feed


@dataclass(frozen=True, slots=True)
class Inner:
    """What the other side has inside: by the names of tensors, and what its modules give, by their paths.

    What it does not know is not there.
    """

    tensors: Callable[[Sequence[str]], Mapping[str, Array]]
    modules: Callable[[Sequence[str]], Mapping[str, Array]]


def outputs(anatomy: Anatomy, feeds: Sequence[Feed]) -> tuple[Mapping[str, Array], ...]:
    """What a model gives for each input. Raises RunFailed where it can't be run."""
    return _outputs(runnable(anatomy.net), feeds)


def compared(
    anatomy: Anatomy, against: str, got: Mapping[str, Array], wanted: Mapping[str, Array], allowed: Mapping[str, float]
) -> Referred:
    """How far a model's outputs are from those that are wanted, with the tolerance of each type."""
    found = differences(got, wanted, Tolerances(by_type=allowed), squashed(anatomy.net))
    return Referred(anatomy, against, tuple(found))


def parted(found: Referred, feed: Feed, allowed: Mapping[str, float], inner: Inner) -> Referred:
    """The same, with the first block at which the two part."""
    return _parted(found, runnable(found.anatomy.net), feed, Tolerances(by_type=allowed), inner)


def _parted(found: Referred, model: Runnable, feed: Feed, tolerances: Tolerances, inner: Inner) -> Referred:
    """The agreement with the first block whose stream differs, where the other side knows the streams.

    What was captured may agree with the file, and not with the module; then the modules that hold the blocks are compared.
    """
    known = streams(found.anatomy)
    theirs = inner.tensors([stream.merged for stream in known])
    pairs = tuple((stream.merged, stream.block, theirs[stream.merged]) for stream in known if stream.merged in theirs)
    exposing = replace(model, proto=exposed(model.proto, known))
    first = _first_apart(found, exposing, feed, tolerances, pairs)
    if first.parts is not None:
        return first
    ends = dict(ended(found.anatomy))
    given = inner.modules(tuple(ends))
    pairs = tuple((*ends[path], value) for path, value in given.items())
    return _first_apart(found, exposing, feed, tolerances, pairs)


def _first_apart(
    found: Referred,
    model: Runnable,
    feed: Feed,
    tolerances: Tolerances,
    pairs: Sequence[tuple[str, Block, Array]],
) -> Referred:
    """The agreement with the first block whose tensor differs from what it should be."""
    if not pairs:
        return found
    proto = shown(model.proto, [name for name, _, _ in pairs])
    ours = tuple(_outputs(replace(model, proto=proto), (feed,))[0].values())
    for at, (name, block, wanted) in enumerate(pairs):
        if ours[at].shape == wanted.shape and not difference(name, ours[at], wanted, tolerances).agrees:
            return replace(found, parts=block, before=at)
    return replace(found, before=len(pairs))


def ended(anatomy: Anatomy) -> Iterator[tuple[str, tuple[str, Block]]]:
    """The modules that hold blocks, by their paths, each with what it gives and its last block."""
    yield from ((path, (op.id, block)) for block in anatomy.blocks for path, op in _end(anatomy.net, block))


def _end(net: Net, block: Block) -> Iterator[tuple[str, Op]]:
    """The module that a block's merge belongs to, and the last op of that module."""
    path = module_of(block.merge)
    if path:
        inside = (op for op in net.ops if f"{module_of(op)}.".startswith(f"{path}."))
        yield path, max(inside, key=lambda op: op.place)


def _outputs(model: Runnable, feeds: Sequence[Feed]) -> tuple[Mapping[str, Array], ...]:
    answer = launch((plan("the model", model),), tuple((feed,) for feed in feeds), Limits())
    if answer.error:
        raise RunFailed(f"fails: {told(answer.error)}")
    return tuple(ran.outputs[0] for ran in answer.ran[0])
