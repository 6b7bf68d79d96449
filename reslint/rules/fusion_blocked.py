"""Blocks in, a finding out where something keeps ONNX Runtime from fusing a merge with the normalization behind it."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Block
from reslint.finding import Confidence, Severity
from reslint.net import Op
from reslint.rules.rule import Draft, Settings, rule

_FUSED = frozenset({"LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization"})
_BETWEEN = frozenset({"Cast", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Expand"})
_FAR = 3


@rule("fusion-blocked", "cost", Severity.NOTE, Confidence.LIKELY)
def fusion_blocked(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A broadcast, cast or layout change prevents a merge and its normalization from fusing."""
    if not settings.target.startswith("ort"):
        return
    why: dict[str, list[Block]] = {}
    for block in anatomy.blocks:
        reason = _reason(block)
        if reason:
            why.setdefault(reason, []).append(block)
    for reason, blocks in why.items():
        yield Draft(
            blocks[0].merge,
            blocks[0].net,
            f"{reason} prevents {len(blocks)} of {len(anatomy.blocks)} merges from fusing with their normalization "
            "(SkipLayerNormalization)",
            "let the normalization read the sum directly, in the same type, shape and layout",
            {"blocked": len(blocks), "blocks": len(anatomy.blocks), "target": settings.target},
            related=tuple(b.merge for b in blocks[1:]),
        )


def _reason(block: Block) -> str:
    """What stands between a sum and the normalization that reads it; empty where nothing does, or where there is none."""
    net, between = block.net, list[Op]()
    if block.merge.type != "Add":
        return ""
    name = block.merge.id
    for _ in range(_FAR):
        after = net.consumers.get(name, ())
        if any(op.type in _FUSED and op.inputs[0] == name for op in after):
            break
        layout = [op for op in after if op.type in _BETWEEN]
        if not layout:
            return ""
        between.append(layout[0])
        name = layout[0].id
    else:
        return ""
    if between:
        return f"a {between[0].type}"
    shapes = block.shapes
    unequal = None not in shapes and shapes[0] != shapes[1] and all(isinstance(d, int) for s in shapes for d in s or ())
    return "a broadcast" if unequal else ""
