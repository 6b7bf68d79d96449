"""A Difference in, JSON of the schema reslint.diff/1 out; the same to the byte from run to run."""

from __future__ import annotations

import json

from reslint.anatomy import Block
from reslint.anatomy.describe.signature import signature
from reslint.anatomy.views.skeleton import word
from reslint.anatomy.views.source import where
from reslint.comparison import Changed, Difference, Single

SCHEMA = "reslint.diff/1"


def render(old: str, new: str, difference: Difference) -> str:
    """The whole difference as one JSON document."""
    document = {
        "schema": SCHEMA,
        "old": {"path": old, "blocks": difference.blocks[0], "signature": difference.signature[0]},
        "new": {"path": new, "blocks": difference.blocks[1], "signature": difference.signature[1]},
        "same": difference.same,
        "lost": [_single(single) for single in difference.lost],
        "gained": [_single(single) for single in difference.gained],
        "changed": [_changed(one) for one in difference.changed],
        "outside": dict(difference.outside),
        "final_norm": list(difference.final_norm),
        "numbers": {name: list(pair) for name, pair in difference.numbers.items()},
        "unknown": list(difference.unknown),
        "summary": {
            "matched": difference.matched,
            "lost_shortcuts": len(difference.lost_shortcuts),
            "lost_blocks": len(difference.lost) - len(difference.lost_shortcuts),
            "gained": len(difference.gained),
            "changed": len(difference.changed),
        },
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _single(single: Single) -> dict[str, object]:
    return {
        **_block(single.block),
        "number": single.number,
        "layers": str(single.fate),
        "at": single.at or None,
    }


def _changed(one: Changed) -> dict[str, object]:
    return {
        "number": one.number,
        "old": _block(one.old),
        "new": _block(one.new),
        "changes": [{"what": c.what, "old": c.old, "new": c.new} for c in one.changes],
    }


def _block(block: Block) -> dict[str, object]:
    module, source = where(block.merge)
    return {
        "merge": block.merge.id,
        "node": block.merge.name,
        "kind": str(block.kind),
        "normalization": str(block.normalization),
        "does": word(block),
        "module": module,
        "source": {"file": source.file, "line": source.line} if source else None,
        "signature": str(signature(block)),
    }
