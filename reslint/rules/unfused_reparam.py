"""Sums in, a finding out where convolutions of one tensor are added up that could have been one convolution."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.ops import CONVS
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Settings, rule

_SUMS = frozenset({"Add", "Sum"})
_MOST = 8  # terms of a sum


@rule("unfused-reparam", "file", Severity.NOTE, Confidence.PROVEN)
def unfused_reparam(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Parallel linear branches from training (RepVGG-like) were not fused."""
    for net in anatomy.net.nets():
        if not any(op.type == "Conv" for op in net.live):
            continue
        sums = [(op, terms) for op in net.live if op.type in _SUMS and (terms := _parallel(net, op))]
        if sums:
            op, terms = sums[0]
            yield Draft(
                op,
                net,
                f"{len(terms)} convolutions of {terms[0].inputs[0]} are summed with nothing in between"
                + (f", as in {len(sums) - 1} more sums" if len(sums) > 1 else "")
                + ": each sum could be one convolution",
                "fuse the branches before the export (reparameterize, switch_to_deploy)",
                {"sums": len(sums), "branches": len(terms), "kernels": [_kernel(net, conv) for conv in terms]},
                related=tuple(op for op, _ in sums[1:]),
            )


def _parallel(net: Net, op: Op) -> tuple[Op, ...]:
    """The convolutions of one tensor that a whole sum consists of, besides the tensor itself; empty where it is another sum."""
    if any(after.type in _SUMS and len(net.consumers[op.id]) == 1 for after in net.consumers.get(op.id, ())):
        return ()  # part of a larger sum
    convs: list[Op] = []
    plain: set[str] = set()
    todo = list(op.data)
    while todo and len(convs) <= _MOST:
        name = todo.pop()
        term = net.producer.get(name)
        only = len(net.consumers.get(name, ())) == 1 and name not in net.exits
        if term is not None and only and term.type in _SUMS and len(term.data) == len(term.inputs):
            todo.extend(term.inputs)
        elif term is not None and only and term.type == "BatchNormalization":
            conv = net.producer.get(term.inputs[0])
            if conv is not None and conv.type == "Conv" and len(net.consumers[conv.id]) == 1:
                convs.append(conv)
            else:
                plain.add(term.inputs[0])
        elif term is not None and only and term.type == "Conv":
            convs.append(term)
        else:
            plain.add(name)
    sources = {conv.inputs[0] for conv in convs} | plain
    strides = {conv.integers("strides") or (1,) * len(_kernel(net, conv)) for conv in convs}
    fuses = len(convs) > 1 and len(sources) == 1 and len(strides) == 1 and _odd(net, convs)
    return tuple(sorted(convs, key=lambda conv: conv.place)) if fuses else ()


def _odd(net: Net, convs: list[Op]) -> bool:
    """Whether all kernels have one centre, so that the smaller ones can be padded into the larger ones."""
    kernels = [_kernel(net, conv) for conv in convs]
    return all(k and all(n % 2 for n in k) for k in kernels) and all(c.type in CONVS for c in convs)


def _kernel(net: Net, conv: Op) -> tuple[int, ...]:
    shape = (net.shape(conv.inputs[1]) if len(conv.inputs) > 1 else None) or ()
    return tuple(d for d in shape[2:] if isinstance(d, int))
