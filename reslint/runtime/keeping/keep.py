"""A model that ran in, the smallest set of ops that has to stay in float32 for a wanted signal-to-noise ratio out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from reslint.errors import RunFailed
from reslint.measure import Kept
from reslint.net import Net, Op
from reslint.net.values import Array, opset
from reslint.runtime.agreement.checks import Known
from reslint.runtime.agreement.compare import difference
from reslint.runtime.keeping.switched import Switched, switched
from reslint.runtime.launch.process import launch, told
from reslint.runtime.model.marks import marked
from reslint.runtime.model.runnable import Runnable, is_half, plan, widened
from reslint.runtime.protocol.job import Keeping
from reslint.runtime.request import Wanted

_OLDEST = 9  # the operator set from which there is Where
_TYPES: Mapping[str, tuple[int, float]] = {
    "float16": (TensorProto.FLOAT16, 65519.0),  # what is below is rounded to 65504
    "bfloat16": (TensorProto.BFLOAT16, math.inf),
}
USUAL: Mapping[str, float] = {"float16": 50.0, "bfloat16": 30.0}
"""The ratio that is wanted where none is named, in dB: a few roundings of the type."""

_AT_MOST = 4  # inputs
_SHARE = 0.6  # of the time that is left
_AGAIN = 3  # times, where the converted model has less than was predicted


def kept(known: Known, wanted: Wanted) -> Iterator[Kept]:
    """Search, apply what was found, and search again for more where the converted model has less than is wanted."""
    if wanted.keep is None:
        return
    if opset(known.anatomy.net) < _OLDEST:
        raise RunFailed(f"can't be searched for ops to keep: operator set {opset(known.anatomy.net)} has no Where")
    wanted.say("looking for the ops to keep in float32")
    net = known.anatomy.net
    model = widened(known.model, net) if is_half(known.model.proto) else known.model
    kind = wanted.precision
    found = switched(model.proto, net, _TYPES[kind][0])
    asked = wanted.keep
    for _ in range(_AGAIN):
        made = _searched(known, model, found, kind, asked)
        held = _completed(net, found, [int(k) for k in made["kept"]])
        applied = _applied(known, model, found, held, kind)
        if applied is None or applied >= wanted.keep or len(held) == len(found.switches):
            break
        asked += wanted.keep - applied if math.isfinite(applied) else 0.0
    ops, every = _ops(net, found, held), Counter(switch.type for switch in found.switches)
    before, after = (float(ratio) for ratio in made["ratios"])
    yield Kept(
        known.anatomy,
        kind,
        wanted.keep,
        before,
        after,
        applied,
        ops,
        _ops(net, found, [int(k) for k in made["overflowing"]]),
        tuple(sorted(t for t, many in Counter(op.type for op in ops).items() if many == every[t])),
        tuple(sorted({op.type for op in ops} & _nameless(net))),
        tuple(str(name) for name in made["blocked"]),
        len(found.switches),
        int(made["tried"][0]),
        bool(made["tried"][1]),
    )


def _searched(known: Known, model: Runnable, found: Switched, kind: str, asked: float) -> Mapping[str, Array]:
    keeping = Keeping(found.switches, asked, _TYPES[kind][1], known.limits.left * _SHARE / _AGAIN)
    bare = plan("the model with its ops rounded", replace(model, proto=found.proto), optimized=False)
    answer = launch((replace(bare, keeping=keeping),), tuple((f,) for f in known.feeds[:_AT_MOST]), known.limits)
    if answer.error:
        raise RunFailed(f"fails: {told(answer.error)}")
    return answer.ran[0][0].outputs[0]


def _nameless(net: Net) -> frozenset[str]:
    """The types of which some op has no name of its own."""
    names = Counter(op.name for op in net.ops)
    return frozenset(op.type for op in net.ops if not op.name or names[op.name] > 1)


def _completed(net: Net, found: Switched, numbers: Sequence[int]) -> tuple[int, ...]:
    """The ops with all others of their type where names can't tell them apart."""
    types = {found.switches[k].type for k in numbers} & _nameless(net)
    return tuple(k for k, switch in enumerate(found.switches) if k in numbers or switch.type in types)


def _ops(net: Net, found: Switched, numbers: Collection[int]) -> tuple[Op, ...]:
    made = (net.producer.get(next(iter(found.switches[k].gives), "")) for k in numbers)
    return tuple(op for op in made if op is not None)


def _applied(known: Known, model: Runnable, found: Switched, held: Sequence[int], kind: str) -> float | None:
    """The ratio of the converted model, run as it is: ONNX Runtime's converter, or rounding after every op for bfloat16."""
    marks = marked(model)
    keep = frozenset(marks.model.proto.graph.node[found.places[k]].name for k in held)
    bare = plan(f"the model in {kind}", marks.model)
    made = replace(bare, keep=keep, half=kind == "float16", rounded="" if kind == "float16" else kind)
    feeds = tuple((f,) for f in known.feeds[: _AT_MOST if kind == "float16" else 1])
    exact, narrow = (launch((one,), feeds, known.limits) for one in (plan("the model", model), made))
    if exact.error or narrow.error:
        return None
    return min(
        (_ratio(run.outputs[0], wanted.outputs[0]) for run, wanted in zip(narrow.ran[0], exact.ran[0], strict=True)),
        default=None,
    )


def _ratio(got: Mapping[str, Array], wanted: Mapping[str, Array]) -> float:
    """The least ratio of all floating-point outputs."""
    ratios = []
    for name, right in wanted.items():
        if name in got and right.dtype.kind == "f":
            there = np.isfinite(right)
            lost = not bool(np.all(np.isfinite(got[name][there]))) if got[name].shape == right.shape else True
            found = difference(name, np.where(there, got[name], 0), np.where(there, right, 0)) if not lost else None
            ratios.append(-math.inf if found is None else math.inf if found.snr is None else found.snr)
    return min(ratios, default=math.inf)
