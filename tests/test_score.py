"""Every residual connection of the labelled fixtures is found, of its kind, and nothing else is."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from reslint.anatomy import dissect
from reslint.net import read

ROOT = Path(__file__).parents[1]
LABELS = {
    row["id"]: row["merges"] for row in map(json.loads, (ROOT / "fixtures" / "labels.jsonl").read_text().splitlines())
}
SCORE = runpy.run_path(str(ROOT / "bench" / "score.py"))["score"]


@pytest.mark.parametrize("name", LABELS)
def test_every_label(name: str) -> None:
    truth = {merge["output"]: merge["kind"] for merge in LABELS[name]}
    unsure = frozenset(merge["output"] for merge in LABELS[name] if merge.get("ambiguous"))
    answer = {b.merge.id: str(b.kind) for b in dissect(read(ROOT / "fixtures" / f"{name}.onnx")).blocks}
    found = SCORE(name, truth, unsure, answer)
    assert (found.missed, found.false, found.mistaken) == ((), (), ())


def test_labels_hold_every_kind() -> None:
    kinds = {merge["kind"] for merges in LABELS.values() for merge in merges}
    assert {"identity", "projection", "scaled", "gated", "dense"} <= kinds
