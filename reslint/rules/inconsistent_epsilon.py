"""Blocks in, a finding out for normalizations whose epsilon is another than that of their siblings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block
from reslint.anatomy.graph.norms import NormRun
from reslint.anatomy.graph.ops import is_interaction, is_learned
from reslint.finding import Confidence, Severity
from reslint.net import Op
from reslint.rules.rule import Draft, Settings, rule
from reslint.rules.unsafe_epsilon import epsilons

_FAMILY = 3  # like blocks from which one epsilon is the usual one, a heuristic


@rule("inconsistent-epsilon", "norm", Severity.NOTE, Confidence.PROVEN, design=True)
def inconsistent_epsilon(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """Similar blocks use different epsilons in the same normalization."""
    flows = {id(flow.net): flow for flow in anatomy.flows}
    families: dict[str, list[tuple[Op, float, Block]]] = {}
    for block in anatomy.blocks:
        flow = flows[id(block.net)]
        placed = [run for op in block.branch for name in op.outputs if (run := flow.norms.get(name)) is not None]
        placed += [
            run for name in block.merge.outputs if (run := flow.norm_behind.get(name)) and block.normalization == "post"
        ]
        shape = _shape(block, placed)
        for at, run in enumerate(placed):
            for epsilon, _ in list(epsilons(block.net, run))[:1]:
                families.setdefault(f"{shape} {at}", []).append((run.op, epsilon, block))
    for family in families.values():
        usual, many = Counter(epsilon for _, epsilon, _ in family).most_common(1)[0]
        odd = [(op, epsilon, block) for op, epsilon, block in family if epsilon != usual]
        if odd and many >= _FAMILY:
            op, epsilon, block = odd[0]
            yield Draft(
                op,
                block.net,
                f"the epsilon is {epsilon:.3g} here but {usual:.3g} in {many} of {len(family)} similar blocks",
                f"use {usual:.3g} in all of them, or the epsilon that the weights were trained with",
                {"epsilon": epsilon, "usual": usual, "of": len(family), "odd": len(odd)},
                related=tuple(op for op, _, _ in odd[1:]),
            )


def _shape(block: Block, placed: list[NormRun]) -> str:
    """What makes blocks alike here: the kinds of ops that learn and normalize, in order, whatever their sizes."""
    normal = {run.op: run.form for run in placed}
    ops = [
        normal.get(op, op.type)
        for op in block.branch
        if op in normal or is_learned(block.net, op) or is_interaction(block.net, op)
    ]
    return f"{block.kind} {block.normalization} {ops}"
