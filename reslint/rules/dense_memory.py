"""Blocks in, a finding out where concatenations write the same features again and again."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Kind
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule

_COPIED = 8  # elements written for each new one, a heuristic; densenet121 has 9.8
_FEWEST = 4


@rule("dense-memory", "cost", Severity.NOTE, Confidence.PROVEN, design=True)
def dense_memory(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The memory that concatenations keep grows with the square of the depth."""
    dense = [b for b in anatomy.blocks if b.kind is Kind.DENSE]
    sizes = [(b.net.value(b.merge.id).size, b.net.value(b.sides[1]).size) for b in dense]
    written = sum(whole for whole, new in sizes if whole and new)
    fresh = sum(new for whole, new in sizes if whole and new)
    if len(dense) >= _FEWEST and fresh and written > _COPIED * fresh:
        yield Draft(
            dense[0].merge,
            dense[0].net,
            f"{len(dense)} concatenations write {written / fresh:.1f} elements for each new element",
            "let the runtime share the memory of the parts, or recompute them during training (checkpointing)",
            {"written": written, "new": fresh, "ratio": round(written / fresh, 2), "blocks": len(dense)},
            related=tuple(b.merge for b in dense[1:]),
        )
