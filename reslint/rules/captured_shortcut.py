"""Anatomy in, the one of many like blocks whose shortcut starts behind its own first activation or norm out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Kind, Role
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import ACTIVATIONS
from reslint.anatomy.views.siblings import begun_inside
from reslint.anatomy.views.source import module_of
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules._support.words import called, producer
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_ENOUGH = 2  # siblings that make a rule of it, a heuristic
_MANY = 8  # readers of a fork, of which one opens a branch only where there are few


@rule("captured-shortcut", "shortcut", Severity.WARNING, Confidence.LIKELY)
def captured_shortcut(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The shortcut starts after the branch's own first activation or normalization, unlike its siblings'."""
    for found in begun_inside(anatomy):
        block = found.block
        yield Draft(
            block.merge,
            block.net,
            f"the shortcut{called(block.merge)} starts inside the branch, after {producer(block.net, block.fork)}: the stream "
            f"{found.start} does not reach the merge",
            f"add {found.start}, as the siblings add theirs",
            {"fork": block.fork, "stream": found.start, "siblings": len(found.siblings)},
            related=tuple(b.merge for b in found.siblings[:4]),
        )
    flows = {id(flow.net): flow for flow in anatomy.flows}
    firsts = {stack.blocks[0].merge.id for stack in anatomy.stacks}
    yield from _in_submodules(anatomy)
    for family in anatomy.families:
        for block, why in _captured(flows[id(family[0].net)], family):
            if why or block.merge.id in firsts:
                yield Pass(
                    block.merge,
                    block.net,
                    why or "the fork follows a normalization or activation, but the block is the first of its stack",
                )
            else:
                yield Draft(
                    block.merge,
                    block.net,
                    f"the shortcut{called(block.merge)} starts after {producer(block.net, block.fork)}, the branch's own "
                    "first step, so the stream before it ends here",
                    "start the shortcut before the branch's first normalization or activation, as the siblings do",
                    {"fork": block.fork, "made_by": producer(block.net, block.fork), "siblings": len(family) - 1},
                )


def _in_submodules(anatomy: Anatomy) -> Iterator[Draft]:
    """Skips that start behind an activation inside the branch's own submodule: it works in place, on what the skip holds.

    The graph shows the skip behind the activation, the scopes of the exporter that the activation is the branch's.
    """
    sums = [(b.net, b.merge, b.sides[0]) for b in anatomy.blocks if b.kind is not Kind.DENSE]
    joins = [(m.net, m.op, name) for m in anatomy.merges if m.role is Role.UNET for name in m.op.data]
    dense = [(b.net, b.merge, b.sides[0]) for b in anatomy.blocks if b.kind is Kind.DENSE]
    found = [
        (net, merge, op) for net, merge, name in (*sums, *dense, *joins) for op in _own_activation(net, merge, name)
    ]
    if found:
        net, merge, op = found[0]
        yield Draft(
            merge,
            net,
            f"the skip{called(merge)} starts behind {op.type} {op.id}, the first step of the branch's own submodule "
            f"{module_of(op)}: an activation in place changes what the skip holds",
            "give the activation inplace=False",
            {"activation": op.id, "submodule": module_of(op), "merges": len(found)},
            (("activation", f"{op.type} {op.id} of {module_of(op)}"),),
            related=tuple(other for _, other, _ in found[1:]),
        )


def _own_activation(net: Net, merge: Op, name: str) -> Iterator[Op]:
    """The activation that makes one side of a merge and belongs to the submodule that makes the other."""
    op, outer = net.producer.get(name), module_of(merge)
    inside = module_of(op) if op is not None else None
    if op is None or op.type not in ACTIVATIONS or not outer or not inside or not inside.startswith(f"{outer}."):
        return
    child = f"{outer}.{inside[len(outer) + 1 :].partition('.')[0]}"
    before = net.producer.get(op.data[0]) if op.data else None
    from_outside = before is not None and not f"{module_of(before) or ''}.".startswith(f"{outer}.")
    readers = [r for r in net.consumers.get(name, ()) if r is not merge]
    same = [r for r in readers if f"{module_of(r) or ''}.".startswith(f"{child}.")]
    if child != inside and from_outside and readers and len(same) == len(readers):
        yield op


def _captured(flow: Dataflow, family: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """The few blocks whose fork is made by what opens the branch of most others, while they open theirs with nothing.

    With the reason where that is none.
    """
    opened = [_opening(flow, block) for block in family]
    usual, count = Counter(opened).most_common(1)[0]
    few = len(family) - count <= max(1, len(family) // 6)
    for block, opening in zip(family, opened, strict=True):
        made = flow.net.producer.get(block.fork)
        kind = _kind(flow, block.fork) if made is not None else ""
        if opening or not kind:
            continue
        if not usual or count < _ENOUGH or not few:
            yield block, f"the fork follows {kind}, but too few siblings start their branches alike"
        elif kind != usual or block.kind is not Kind.IDENTITY:
            yield block, f"the fork follows {kind}, but the siblings start their branches with {usual}"
        else:
            yield block, ""


def _opening(flow: Dataflow, block: Block) -> str:
    """The normalization or activation that a branch starts with; empty where it starts with something else."""
    run = flow.norm_behind.get(block.fork)
    if run is not None:
        return run.form
    every = flow.net.consumers.get(block.fork, ())
    readers = [op for op in every if op is not block.merge] if len(every) < _MANY else ()
    kinds = {op.type for op in readers if op.type in ACTIVATIONS}
    return kinds.pop() if len(kinds) == 1 and len(readers) == 1 else ""


def _kind(flow: Dataflow, name: str) -> str:
    """The form of the normalization, or the activation, that makes a tensor; a norm's own gain and shift are seen through."""
    for _ in range(3):
        run = flow.norms.get(name)
        if run is not None:
            return run.form
        op = flow.net.producer.get(name)
        if op is None:
            return ""
        if op.type in ACTIVATIONS:
            return op.type
        if op.type not in ("Mul", "Add") or len(op.data) != 1:
            return ""
        name = op.data[0]
    return ""
