"""A module and the file made of it in, how well they agree on each input out; brings PyTorch and ONNX Runtime together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from reslint.anatomy import dissect
from reslint.export.capture import How
from reslint.export.deploy import Deployed
from reslint.export.sample import Sample, modules, samples, streams
from reslint.measure import Referred
from reslint.net import read
from reslint.net.values import Array
from reslint.runtime.agreement.verify import Inner, compared, outputs, parted

MODULE = "the PyTorch module"


def verified(made: Deployed, how: How) -> Iterator[tuple[str, Referred | None]]:
    """Each input in words, and how well the file agrees there; None with the reason where one is left out.

    Where the two part is looked for once: it is the same place on the other inputs.
    """
    anatomy = dissect(read(made.file))
    found = tuple(samples(made.module, how.dynamic, anatomy.net.inputs, anatomy.net.outputs))
    yield from ((sample, None) for sample in found if isinstance(sample, str))
    fed = tuple(sample for sample in found if isinstance(sample, Sample))
    apart = False
    for sample, got in zip(fed, outputs(anatomy, [sample.feed for sample in fed]), strict=True):
        agreement = compared(anatomy, MODULE, got, sample.wanted, sample.allowed)
        if not agreement.agrees and not apart:
            apart = True
            inner = Inner(partial(_streams, made, sample.arguments), partial(modules, made.module, sample.arguments))
            agreement = parted(agreement, sample.feed, sample.allowed, inner)
        yield sample.label, agreement


def _streams(made: Deployed, fed: Mapping[str, object], names: Sequence[str]) -> Mapping[str, Array]:
    return streams(made.program, fed, names) if made.program is not None else {}
