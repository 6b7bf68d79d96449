"""Ops in, findings out for those that still behave as in training: BatchNormalization, Dropout, random ops on a branch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.net.edit import Edit
from reslint.net.values import opset
from reslint.net.weights import scalar
from reslint.rules._support.inference import dropless, normalized, unmasked
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_RANDOM = frozenset({"RandomUniform", "RandomUniformLike", "Bernoulli"})
"""What masks are drawn with. Normal noise is left out: generative networks multiply it with what they compute."""

_MASKING = frozenset(
    {"Add", "Sub", "Floor", "Ceil", "Round", "Cast", "CastLike", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
    | {"Not", "Bernoulli", "Reshape", "Unsqueeze", "Squeeze", "Expand", "Clip"}
)
_UNSWITCHED = "its mode is an input, so the caller decides, or its ratio is 0"
_APPLYING = frozenset({"Mul", "Div", "Where"})


@rule("training-mode-op", "file", Severity.ERROR, Confidence.PROVEN, fixable=True)
def training_mode_op(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """BatchNormalization or Dropout is in training mode, or a random op switches a residual branch on and off."""
    for net in anatomy.net.nets():
        norms = [op for op in net.ops if op.type == "BatchNormalization" and not op.domain and _estimates(net, op)]
        yield from _found(net, norms, "uses the statistics of the current batch", "model.eval()", normalized)
        dropouts = [op for op in net.ops if op.type == "Dropout" and not op.domain]
        drops = [op for op in dropouts if _drops(net, op)]
        yield from (Pass(op, net, _UNSWITCHED) for op in dropouts if op not in drops)
        advice = "model.eval() (a functional dropout needs self.training)"
        yield from _found(net, drops, "drops values at random", advice, dropless)
        drawn = [op for op in net.ops if op.type in _RANDOM]
        branches = {op.id for b in anatomy.blocks for op in (*b.branch, *b.shortcut)} if drawn else set()
        masks = [op for op in drawn if _masked(net, op) & branches]
        yield from (
            Pass(op, net, "no residual branch is multiplied by what it draws") for op in drawn if op not in masks
        )
        noise = (op for op in net.ops if settings.explain and op.type.startswith("RandomNormal"))
        yield from (Pass(op, net, "normal noise is intentional in a generator") for op in noise)
        advice = "model.eval(), and let stochastic depth and functional dropout ask self.training"
        yield from _found(net, masks, "draws a random mask for a residual branch", advice, unmasked, Confidence.LIKELY)


def _found(
    net: Net,
    ops: list[Op],
    does: str,
    advice: str,
    mended: Callable[[Net, Op], Iterable[Edit]],
    sure: Confidence | None = None,
) -> Iterable[Draft]:
    if ops:
        kind, more = ops[0].type, len(ops) - 1
        others = f", as {more} other{'s do' if more > 1 else ' does'}" if more else ""
        yield Draft(
            ops[0],
            net,
            message=f"{kind} {does}{others}: the model was exported in training mode",
            help=f"export after {advice}; `reslint check --diff` shows what can be fixed in the file",
            evidence={"op": kind, "count": len(ops)},
            related=tuple(ops[1:]),
            confidence=sure,
            mend=lambda: (edit for op in ops for edit in mended(net, op)),
        )


def _estimates(net: Net, op: Op) -> bool:
    """Whether a BatchNormalization normalizes by its batch: a switch since opset 14, before that its extra outputs."""
    return bool(op.integer("training_mode", 0)) if opset(net) >= 14 else any(op.outputs[1:])


def _drops(net: Net, op: Op) -> bool:
    """Whether a Dropout drops: its switch is a constant true and its ratio not zero. A switch that is an input is meant."""
    if opset(net) < 12 or len(op.inputs) < 3 or not net.is_constant(op.inputs[2]) or scalar(net, op.inputs[2]) == 0:
        return False
    return not op.inputs[1] or scalar(net, op.inputs[1]) != 0


def _masked(net: Net, op: Op) -> frozenset[str]:
    """The ops that multiply data with random numbers, which were at most thresholded and scaled on the way."""
    masks, found = set(op.outputs), set()
    todo = [op]
    for made in todo:
        for after in (a for name in made.outputs for a in net.consumers.get(name, ()) if not masks & {*a.outputs}):
            joins = any(i not in masks for i in after.data)
            if joins and after.type in _APPLYING:
                found.add(after.id)
            elif not joins and after.type in _MASKING | _APPLYING:
                masks |= {*after.outputs}
                todo.append(after)
    return frozenset(found)
