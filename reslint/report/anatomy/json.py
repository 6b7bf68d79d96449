"""Dissected models in, JSON of the schema reslint.anatomy/1 out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite

from reslint.anatomy import Anatomy, Block, Cost, Depth, Paths, Source
from reslint.anatomy.describe.signature import signature
from reslint.anatomy.values import Scale
from reslint.anatomy.views.source import where
from reslint.result import Dissected

SCHEMA = "reslint.anatomy/1"


def render(models: Iterable[Dissected]) -> str:
    """One JSON document; each model is let go before the next one is read."""
    return json.dumps({"schema": SCHEMA, "models": [_model(m) for m in models]}, indent=1, allow_nan=False) + "\n"


def _model(model: Dissected) -> dict[str, object]:
    found = model.anatomy
    return {
        "path": model.path,
        "error": model.error,
        "blocks": [_block(block) for block in found.blocks] if found else [],
        "merges": _merges(found) if found else [],
        "stacks": [{"blocks": [b.merge.id for b in s.blocks], "period": s.period} for s in found.stacks]
        if found
        else [],
        "depth": _depth(found.depth, found.paths) if found else None,
        "cost": _cost(found.cost) if found else None,
    }


def _block(block: Block) -> dict[str, object]:
    module, source = where(block.merge)
    return {
        "merge": block.merge.id,
        "node": block.merge.name,
        "op": block.merge.kind,
        "kind": str(block.kind),
        "normalization": str(block.normalization),
        "shortcut": [op.id for op in block.shortcut],
        "fork": block.fork,
        "branch_ops": block.branch_ops,
        "module": module,
        "source": _source(source),
        "stack": block.stack,
        "depth": block.depth,
        "scale_shortcut": _scale(block.scale_shortcut),
        "scale_branch": _scale(block.scale_branch),
        "activation": block.activation.kind if block.activation else None,
        "nonnegative": block.nonnegative,
        "reason": block.reason,
        "signature": str(signature(block)),
    }


def _scale(scale: Scale | None) -> dict[str, object] | None:
    """A factor; null where there is none, its value null where it is no one finite number that the file tells."""
    if scale is None:
        return None
    return {"value": scale.value if scale.value is not None and isfinite(scale.value) else None}


def _source(source: Source | None) -> dict[str, object] | None:
    return {"file": source.file, "line": source.line} if source else None


def _merges(found: Anatomy) -> list[dict[str, object]]:
    return [
        {"merge": m.op.id, "node": m.op.name, "op": m.op.kind, "role": str(m.role), "reason": m.reason}
        for m in found.merges
    ]


def _depth(depth: Depth, paths: Paths) -> dict[str, object]:
    return {
        "ops": depth.ops,
        "weighted": depth.weighted,
        "residual": depth.residual,
        "longest_plain": depth.longest_plain,
        "paths": {
            "log2_count": round(paths.log2_count, 6),
            "min": paths.min,
            "mean": round(paths.mean, 6),
            "max": paths.max,
            "mode": paths.mode,
        },
    }


def _cost(cost: Cost) -> dict[str, object]:
    return {"params": cost.params, "macs": cost.macs, "unknown": list(cost.unknown)}
