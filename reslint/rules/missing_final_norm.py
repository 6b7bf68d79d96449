"""Anatomy in, pre-norm stacks whose stream reaches the head as it is out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block, Kind, Placement
from reslint.anatomy.graph.dataflow import Dataflow
from reslint.anatomy.graph.ops import LAYOUT, SKIP_NORMS, is_interaction, is_layer
from reslint.finding import Confidence, Severity
from reslint.net import Op
from reslint.rules._support.words import called
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_DEEP = 2
_FAR = 64  # ops to look ahead


@rule("missing-final-norm", "norm", Severity.WARNING, Confidence.LIKELY)
def missing_final_norm(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A pre-norm stack feeds its head without a normalization after the last merge."""
    flows = {id(flow.net): flow for flow in anatomy.flows}
    merges = {b.merge.id for b in anatomy.blocks} | {m.op.id for m in anatomy.merges}
    for stack in anatomy.stacks:
        pre = [b for b in stack.blocks if b.normalization is Placement.PRE and b.kind is not Kind.DENSE]
        last = stack.blocks[-1]
        if len(pre) < _DEEP or len(pre) < len(stack.blocks) - 1 or last.normalization is not Placement.PRE:
            yield Pass(last.merge, last.net, f"{len(pre)} of the stack's {len(stack.blocks)} blocks are pre-norm")
            continue
        if not _starts_normed(flows[id(last.net)], last):
            yield Pass(last.merge, last.net, "the branch does not start with a normalization")
            continue
        head = _head(flows[id(last.net)], last, merges)
        if isinstance(head, str):
            yield Pass(last.merge, last.net, head)
        else:
            yield Draft(
                last.merge,
                last.net,
                f"the stream after the last of {len(stack.blocks)} pre-norm blocks{called(last.merge)} reaches the head "
                f"{head.type} {head.id} unnormalized",
                "normalize once between the last merge and the head",
                {"blocks": len(stack.blocks), "pre_norm": len(pre), "head": head.id, "head_type": head.type},
                (("then", f"{head.type} {head.id}, no normalization in between"),),
            )


def _starts_normed(flow: Dataflow, block: Block) -> bool:
    """Whether the first thing a branch does is to normalize, so that it is pre-norm in the strict sense."""
    return any(
        name in flow.normed
        for op in (None, *flow.net.consumers.get(block.fork, ()))
        for name in ((block.fork,) if op is None else op.outputs if op.type in LAYOUT else ())
    )


def _head(flow: Dataflow, last: Block, merges: set[str]) -> Op | str:
    """The learned layer that reads the stream as it is, where that is all that becomes of it; else what does."""
    net = flow.net
    if last.merge.type in SKIP_NORMS and net.consumers.get(last.merge.id):
        return "one op does the last merge and the normalization"
    todo = deque(o for o in last.end.outputs if o)
    heads: list[Op] = []
    seen = 0
    while todo:
        name = todo.popleft()
        seen += 1
        if name in flow.normed or seen > _FAR:
            return "the stream is normalized after its last merge" if seen <= _FAR else "no head follows"
        for op in net.consumers.get(name, ()):
            if op.id in merges or op.type in SKIP_NORMS or is_interaction(net, op):
                return f"the stream reaches another merge or product first, {op.type} {op.id}"
            if is_layer(net, op):
                heads.append(op)
            else:
                todo.extend(o for o in op.outputs if o)
    if not heads:
        return "no learned layer reads the stream"
    if any(_is_normed(flow, head) for head in heads):  # a neck (SAM)
        return "a layer reads the stream, and a normalization follows it"
    return "more blocks follow" if any(_goes_on(flow, head, merges) for head in heads) else heads[0]


def _is_normed(flow: Dataflow, head: Op) -> bool:
    """Whether a normalization follows right behind a layer, with nothing but another layout between."""
    name = head.id
    for _ in range(3):
        if name in flow.normed:
            return True
        after = flow.net.consumers.get(name, ())
        if len(after) != 1 or after[0].type not in LAYOUT:
            return False
        name = after[0].id
    return False


def _goes_on(flow: Dataflow, head: Op, merges: set[str]) -> bool:
    """Whether residual blocks follow behind a layer, so that it is a transition and no head."""
    todo, seen = [head], set[str]()
    while todo:
        op = todo.pop()
        if op.id in seen or len(seen) > _FAR:
            continue
        seen.add(op.id)
        for after in (c for o in op.outputs for c in flow.net.consumers.get(o, ())):
            if after.id in merges:
                return True
            todo.append(after)
    return False
