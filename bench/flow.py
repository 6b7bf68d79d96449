"""Networks of the literature in, what `reslint flow` measures of them, beside what was published, out.

    python bench/flow.py [cifar] [stack] [transformer] [--seeds 3]

Nothing is judged. It takes some minutes; torch runs on the CPU, and the numbers are the same on each machine up to rounding.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from reslint.export.gradients import gradient_flow
from reslint.export.spec import spec
from reslint.measure import GradientFlow, Spread, geometric


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print("first block over last: the gradient at its input (least..most over the seeds), the factor a block")
    for part in given.parts:
        PARTS[part](given.seeds)


def cifar(seeds: int) -> None:
    for blocks in (3, 9, 18):
        _told(f"{6 * blocks + 2} layers, batch normalization", "cifar", seeds, blocks=blocks)
    _told("56 layers, no normalization", "cifar", seeds, norm=False)


def stack(seeds: int) -> None:
    for blocks in (12, 24, 48):
        for norm in (False, True):
            _told(f"stack of {blocks}, {'normalized' if norm else 'bare'}", "stack", seeds, blocks=blocks, norm=norm)


def transformer(seeds: int) -> None:
    for pre in (True, False):
        for layers in (6, 12, 24):
            name = f"{layers} layers, {'pre' if pre else 'post'}-norm"
            flow = _told(name, "transformer", seeds, layers=layers, width=128, length=32, pre=pre)
            print(f"{'':32} last feed-forward network's parameters {geometric(flow.passages[-1].kept.parameters):.3g}")


PARTS = {"cifar": cifar, "stack": stack, "transformer": transformer}


def _told(name: str, net: str, seeds: int, **sizes: object) -> GradientFlow:
    flow = gradient_flow(spec(f"flow_nets:{net}", kwargs=json.dumps(sizes)), range(seeds))
    steps = len(flow.passages) - 1
    kept, cut = (f"{_spread(ratio)} x{ratio.mean ** (1 / steps):.3f}" for ratio in (flow.kept, flow.cut))
    print(f"{name:32} with shortcuts {kept:28} cut {cut}", flush=True)
    return flow


def _spread(ratio: Spread) -> str:
    return f"{ratio.mean:.3g} ({ratio.least:.3g}..{ratio.most:.3g})"


main()
