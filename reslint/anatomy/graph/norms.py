"""Net in, its normalizations out: as operators, and decomposed into primitive ops."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from reslint.anatomy.graph import windows
from reslint.anatomy.graph.ops import NORMS, SKIP_NORMS
from reslint.net import Net, Op
from reslint.net.weights import scalar

_STATISTIC = frozenset(
    {
        "Pow",
        "Mul",
        "Abs",
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
        "ReduceL2",
        "ReduceL1",
        "Add",
        "Sub",
        "Sqrt",
        "Reciprocal",
    }
    | {
        "Div",
        "Clip",
        "Max",
        "Cast",
        "CastLike",
        "Expand",
        "Unsqueeze",
        "Squeeze",
        "Neg",
        "Reshape",
        "GlobalAveragePool",
    }
)
_REDUCING = frozenset({"ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL2", "ReduceL1", "GlobalAveragePool"})
_ROOTS = frozenset({"Sqrt", "ReduceL2", "ReduceL1"})
CASTS = frozenset({"Cast", "CastLike"})


@dataclass(frozen=True, slots=True)
class NormRun:
    """A normalization: the tensor it reads, the op that gives the normalized tensor, and all ops it is made of.

    `form` is the operator's type, or `Layer`, `RMS`, `L2` for a decomposed one.
    """

    source: str
    op: Op
    ops: tuple[Op, ...]
    form: str

    @property
    def decomposed(self) -> bool:
        """Whether the normalization is spelled out in primitive ops."""
        return len(self.ops) > 1


def find_norms(net: Net) -> dict[str, NormRun]:
    """All normalizations of a net, by the tensor that leaves them (before a separate scale and shift)."""
    found: dict[str, NormRun] = {}
    for op in net.live:
        if op.type in NORMS:
            found[op.id] = NormRun(op.inputs[0], op, (op,), op.type)
        elif op.type in ("Div", "Mul") and len(op.inputs) == 2:
            run = _decomposed(net, op)
            if run is not None:
                found[op.id] = run
        elif op.type in ("Add", "Sub") and len(op.data) == len(op.inputs) == 2:
            run = _shifted(net, op, found)
            if run is not None:
                found[op.id] = run
                del found[run.ops[-2].id]
    return found


def _shifted(net: Net, op: Op, found: Mapping[str, NormRun]) -> NormRun | None:
    """The normalization that ends in `u * s + (b - m * s)`, where s and m are made of statistics of u (TensorFlow)."""
    for scaled, shift in (op.inputs[:2], op.inputs[1::-1]):
        run = found.get(scaled)
        if run is None or run.op.type != "Mul" or not run.decomposed:
            continue
        inner = _statistic(net, shift, {run.source})
        if inner is not None and {o.type for o in inner[0]} & _REDUCING and "Sub" in {o.type for o in inner[0]}:
            ops = sorted({*run.ops, *inner[0]} - {run.op}, key=lambda o: o.place)
            return NormRun(run.source, op, (*ops, run.op, op), "Layer")
    return None


def is_norm(op: Op) -> bool:
    """Whether an op normalizes by itself."""
    return op.type in NORMS or op.type in SKIP_NORMS


def _decomposed(net: Net, op: Op) -> NormRun | None:
    """The normalization that ends in `u / s` or `u * (1 / s)`, where s is a root of a mean over u."""
    for value, statistic in (op.inputs[:2],) if op.type == "Div" else (op.inputs[:2], op.inputs[1::-1]):
        if not net.is_data(value) or not net.is_data(statistic) or value == statistic:
            continue
        source, centre = _centred(net, value)
        found = _statistic(net, statistic, {value, source, uncast(net, value)[0], uncast(net, source)[0]})
        if found is None:
            continue
        inner, leaves = found
        types = {o.type for o in inner}
        rooted = types & _ROOTS or any(o.type == "Pow" and scalar(net, o.inputs[1]) in (0.5, -0.5) for o in inner)
        if types & _REDUCING and rooted:
            before, casts = uncast(net, source)
            if before in leaves:  # the statistic starts before a cast of the value
                source, centre = before, (*centre, *casts)
            ops = tuple(sorted({*inner, *centre, op}, key=lambda o: o.place))
            centred = any(o.type == "Sub" for o in centre)
            form = "Layer" if centred else "L2" if types & {"ReduceL2", "ReduceL1"} else "RMS"
            return NormRun(source, op, ops, form)
    return None


def _statistic(net: Net, statistic: str, starts: Container[str]) -> tuple[tuple[Op, ...], frozenset[str]] | None:
    """The ops between a value and the statistic made of it alone, and where they start; None where something else flows in."""
    found: dict[str, Op] = {}
    leaves: set[str] = set()
    todo = [statistic]
    while todo:
        name = todo.pop()
        if name in starts:
            leaves.add(name)
            continue
        if name in found or not net.is_data(name):
            continue
        op = net.producer.get(name)
        if op is None or op.type not in _STATISTIC or len(found) >= windows.STATISTIC:
            return None
        found[name] = op
        todo.extend(op.inputs)
    return tuple(found.values()), frozenset(leaves)


def _centred(net: Net, value: str) -> tuple[str, tuple[Op, ...]]:
    """What a value was before its mean was subtracted, and the ops that did so, casts among them."""
    plain, casts = uncast(net, value)
    minus = net.producer.get(plain)
    if minus is not None and minus.type == "Sub" and len(minus.inputs) == 2:
        mean = net.producer.get(minus.inputs[1])
        while mean is not None and mean.type in ("Expand", "Cast", "Unsqueeze", "Reshape"):
            casts = (*casts, mean)
            mean = net.producer.get(mean.inputs[0])
        if mean is not None and mean.type in _REDUCING:
            if mean.inputs[0] == minus.inputs[0]:
                return minus.inputs[0], (minus, mean, *casts)
            (one, there), (other, here) = (uncast(net, o.inputs[0]) for o in (mean, minus))
            if one == other:
                return one, (minus, mean, *casts, *there, *here)
    return value, ()


def uncast(net: Net, value: str) -> tuple[str, tuple[Op, ...]]:
    """A tensor before it was cast, and the casts."""
    casts = []
    while (op := net.producer.get(value)) is not None and op.type in CASTS:
        casts.append(op)
        value = op.inputs[0]
    return value, tuple(casts)
