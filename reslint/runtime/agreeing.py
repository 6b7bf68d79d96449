"""What sessions made of the same inputs in, how well they agree out, and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reslint.anatomy import Anatomy, dissect
from reslint.errors import ReslintError, RunFailed
from reslint.measure import Agreement, Optimized, Referred, Repeated
from reslint.net import read
from reslint.net.values import Array
from reslint.runtime.compare import differences, tolerance
from reslint.runtime.job import Answer, Feed
from reslint.runtime.launch import launch, told
from reslint.runtime.model import Runnable, plan, runnable
from reslint.runtime.parting import first_apart
from reslint.runtime.wanted import Wanted


def agreements(
    anatomy: Anatomy, least: float, answer: Answer, saved: Sequence[Mapping[str, Array]]
) -> Iterator[Agreement]:
    """The model against itself run again, without optimizations, and against what was saved."""
    plain = answer.ran[0]
    for at, ran in enumerate(plain):
        once, again = ran.outputs
        bare = answer.ran[1][at].outputs[0]
        repeated = tuple(differences(once, again, 0.0, rtol=0.0))
        yield Repeated(anatomy, "itself, run again", repeated)
        if all(d.agrees for d in repeated):  # else whatever differs may be chance
            yield Optimized(anatomy, "itself without graph optimizations", tuple(differences(once, bare, least)))
        if at < len(saved) and saved[at]:
            yield Referred(anatomy, "the saved outputs", tuple(differences(once, saved[at], least)))


def referred(
    anatomy: Anatomy, model: Runnable, feeds: Sequence[Feed], answer: Answer, wanted: Wanted
) -> Iterator[Agreement]:
    """The model against another one, on the same inputs."""
    if wanted.against is None or wanted.against.suffix == ".npz":
        return
    name = wanted.against.name
    try:
        reference = dissect(read(wanted.against))
        other = runnable(reference.net)
    except ReslintError as error:
        raise RunFailed(f"can't be compared with {name}: {error}") from error
    theirs = launch((plan(name, other),), tuple((feed,) for feed in feeds), wanted.limits)
    if theirs.error:
        raise RunFailed(f"can't be compared: {told(theirs.error)}")
    least = max(tolerance(model.proto), tolerance(other.proto))
    for at, feed in enumerate(feeds):
        found = tuple(differences(answer.ran[0][at].outputs[0], theirs.ran[0][at].outputs[0], least))
        if not found:
            raise RunFailed(f"can't be compared: {name} has no output of the same name")
        parts = None
        if not all(d.agrees for d in found):
            parts = first_apart((anatomy, model), (reference, other), feed, wanted.limits)
        yield Referred(anatomy, name, found, parts)
