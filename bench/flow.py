"""The table of docs/flow.md: networks that the literature speaks of, as `reslint flow` measures them.

    python bench/flow.py [NAME ...] [--budget 90] [--seeds 2] [--json FILE]

A NAME is the beginning of a network's name. Nothing is judged. All of it takes half an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from reslint.export.flow import Asked, measured
from reslint.export.spec import spec
from reslint.report.flow.verdicts import verdicts

SMALL = {"size": 16, "batch": 8}
NETS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    **{f"resnet{6 * n + 2}": ("cifar", {"blocks": n, **SMALL}) for n in (3, 9, 18)},
    **{f"plain{6 * n + 2}": ("cifar", {"blocks": n, "shortcut": False, **SMALL}) for n in (3, 9, 18)},
    **{f"pre{n}": ("transformer", {"layers": n, "width": 64}) for n in (6, 24, 48)},
    **{f"post{n}": ("transformer", {"layers": n, "width": 64, "pre": False}) for n in (6, 24, 48)},
    "deepnorm24": ("deepnorm", {}),
    "deepnorm48": ("deepnorm", {"layers": 48}),
    "rezero24": ("rezero", {}),
    "fixup56": ("fixup", {}),
    "bare56": ("cifar", {"blocks": 9, "norm": False, **SMALL}),
    "bareplain56": ("cifar", {"blocks": 9, "norm": False, "shortcut": False, **SMALL}),
    "highway30": ("highway", {}),
    "densenet12": ("densenet", {}),
    **{f"gcn{n}": ("gcn", {"layers": n}) for n in (2, 16, 32)},
    **{f"gcnplain{n}": ("gcn", {"layers": n, "shortcut": False}) for n in (2, 16, 32)},
    "lstm8": ("lstms", {}),
    "lstmplain8": ("lstms", {"shortcut": False}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[""], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--budget", type=float, default=90.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict[str, tuple[str, str, str]]] = {}
    for name, (net, sizes) in NETS.items():
        if not any(name.startswith(beginning) for beginning in given.names):
            continue
        start = time.process_time()
        asked = Asked(range(given.seeds), (), given.budget)
        found = measured(spec(f"flow_nets:{net}", kwargs=json.dumps(sizes)), asked, lambda phase: None)
        rows[name] = {v.name: (v.word, v.says, v.cut) for v in verdicts(found)}
        print(f"{name} ({time.process_time() - start:.0f} s of CPU)")
        for verdict in verdicts(found):
            print(
                f"  {verdict.name:15} {verdict.word:12} {verdict.says}"
                + (f"  (cut: {verdict.cut})" if verdict.cut else "")
            )
        sys.stdout.flush()
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1))


main()
