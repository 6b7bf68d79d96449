"""The model against the PyTorch module that it was made from: its outputs, and the modules that hold its blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from reslint.anatomy import Block
from reslint.errors import RunFailed
from reslint.measure import Agreement, Noise, Referred
from reslint.net.values import Array
from reslint.runtime.agreement.by_block import ratio_db
from reslint.runtime.agreement.checks import Known
from reslint.runtime.agreement.compare import difference
from reslint.runtime.agreement.verify import ended
from reslint.runtime.launch.process import launch
from reslint.runtime.model.runnable import plan
from reslint.runtime.model.taps import shown
from reslint.runtime.probes.streams import exposed
from reslint.runtime.protocol.job import Answer, Feed
from reslint.runtime.request import Wanted


def against_module(known: Known, answer: Answer, wanted: Wanted) -> Iterator[Agreement]:
    """Run the module on each input; the blocks are the modules that hold them, where the file tells."""
    if wanted.module is None:
        return
    wanted.say(f"comparing with {wanted.module.name}")
    ends = dict(ended(known.anatomy))
    for at, feed in enumerate(known.feeds):
        made, inner = wanted.module.run(feed, tuple(ends))
        got = answer.ran[0][at].outputs[0]
        if len(made) != len(known.anatomy.net.outputs):
            many = f"{wanted.module.name} gives {len(made)} tensors, and the model {len(known.anatomy.net.outputs)}"
            raise RunFailed(f"can't be compared: {many}")
        right = dict(zip(known.anatomy.net.outputs, made, strict=True))
        found = known.compared(got, right, Referred, wanted.module.name)
        yield _by_block(known, found, feed, [(*ends[path], value) for path, value in inner.items()])


def _by_block(known: Known, found: Agreement, feed: Feed, pairs: Sequence[tuple[str, Block, Array]]) -> Agreement:
    """The agreement with the noise of each block whose module tells what it gives, and the first that differs."""
    if not pairs:
        return found
    model = replace(known.model, proto=shown(exposed(known.model.proto, known.found), [name for name, _, _ in pairs]))
    ran = launch((plan("the model with its stream shown", model, provider=known.home),), ((feed,),), known.limits)
    if ran.error:
        return found
    ours: Mapping[str, Array] = ran.ran[0][0].outputs[0]
    noises, first = [], None
    for at, ((name, block, wanted), got) in enumerate(zip(pairs, ours.values(), strict=True)):
        right = np.asarray(wanted)
        noises.append(Noise(block, ratio_db(got, right, right)))
        apart = got.shape == right.shape and not difference(name, got, right, known.tolerances).agrees
        first = at if first is None and apart else first
    whole = replace(found, blocks=tuple(noises))
    if found.agrees:
        return whole
    return replace(
        whole, before=len(pairs) if first is None else first, parts=None if first is None else pairs[first][1]
    )
