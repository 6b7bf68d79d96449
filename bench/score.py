"""Labels of the fixtures and `reslint anatomy --format json` in, recall, precision and kind accuracy out.

    python bench/score.py [--labels fixtures/labels.jsonl] [--cli reslint] [NAME ...]

A merge is known by its first output. Merges that a careful reader could decide otherwise don't count.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESIDUAL = frozenset({"identity", "projection", "scaled", "gated", "dense"})
Kinds = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Score:
    """What one model's answer is worth: residual merges found, missed and invented, and kinds mistaken."""

    name: str
    found: tuple[str, ...]
    missed: tuple[str, ...]
    false: tuple[str, ...]
    mistaken: tuple[tuple[str, str, str], ...]


def score(name: str, truth: Kinds, unsure: frozenset[str], answer: Kinds) -> Score:
    """Compare the kinds of a model's merges with the answer."""
    wanted = {merge for merge, kind in truth.items() if kind in RESIDUAL} - unsure
    given = set(answer) - unsure
    both = wanted & given
    wrong = ((m, truth[m], answer[m]) for m in sorted(both) if truth[m] != answer[m])
    return Score(name, tuple(both), tuple(sorted(wanted - given)), tuple(sorted(given - wanted)), tuple(wrong))


def ask(cli: str, paths: Sequence[Path]) -> Mapping[str, Kinds]:
    """What reslint says about the models, by name; a model without an answer is left out."""
    done = subprocess.run(
        [*shlex.split(cli), "anatomy", "--format", "json", *map(str, paths)], capture_output=True, text=True
    )
    if not done.stdout:
        sys.exit(f"no answer: {done.stderr.strip()}")
    models = json.loads(done.stdout)["models"]
    return {Path(m["path"]).stem: {b["merge"]: b["kind"] for b in m["blocks"]} for m in models if not m["error"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--labels", type=Path, default=Path(__file__).parent.parent / "fixtures" / "labels.jsonl")
    parser.add_argument("--cli", default="reslint")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.labels.read_text().splitlines()]
    rows = [r for r in rows if not given.names or r["id"] in given.names]
    answers = ask(given.cli, [given.labels.parent / f"{r['id']}.onnx" for r in rows])
    scores = []
    for r in rows:
        truth = {m["output"]: m["kind"] for m in r["merges"]}
        unsure = frozenset(m["output"] for m in r["merges"] if m.get("ambiguous"))
        if r["id"] not in answers:
            print(f"  {r['id']}: no answer")
        scores.append(score(r["id"], truth, unsure, answers.get(r["id"], {})))
    report(scores)


def report(scores: Sequence[Score]) -> None:
    """Print what went wrong where, then one line with the totals."""
    for s in scores:
        for title, merges in (("missed", s.missed), ("false", s.false)):
            if merges:
                print(f"  {s.name}: {title} {len(merges)}: {', '.join(merges[:3])}")
        for (was, said), count in Counter(m[1:] for m in s.mistaken).items():
            print(f"  {s.name}: {was} called {said}: {count}")
    found, missed, false, mistaken = (
        sum(len(getattr(s, k)) for s in scores) for k in ("found", "missed", "false", "mistaken")
    )
    exact = sum(not (s.missed or s.false or s.mistaken) for s in scores)
    print(
        f"{len(scores)} models, {found + missed} residual merges, {exact} exact; recall {found / max(1, found + missed):.4f}, "
        f"precision {found / max(1, found + false):.4f}, kind {1 - mistaken / max(1, found):.4f}"
    )


if __name__ == "__main__":
    main()
