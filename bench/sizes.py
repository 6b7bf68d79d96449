"""What `check` predicts of a model at dozens of sizes against what ONNX Runtime does there, both ways.

    python bench/sizes.py [NAME...] [--exporter torchscript|dynamo] [--verbose]

Each network of size_nets.py is exported with its axes open. For each symbol the others stay where all works, and the model
runs at sizes from 1 to 131, all primes among them. A prediction is that it fails at a size. The findings are held against it,
too: a network that fails between sizes that work, or works at one size only, must have one, another one must have none.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime as ort
import torch
from size_nets import NETS, Axes

import reslint
from reslint.anatomy.sizes import Trial, tried
from reslint.net.read import read

SIZES = sorted(
    {
        *range(1, 34),
        *(p for p in range(2, 132) if all(p % q for q in range(2, p))),
        36,
        40,
        48,
        49,
        56,
        64,
        68,
        72,
        80,
        84,
        88,
        96,
        112,
        120,
        128,
    }
)
RULES = ("baked-dimension", "shortcut-dynamic-mismatch", "skip-dynamic-mismatch")


def exported(name: str, exporter: str, file: Path) -> None:
    """Export a network with its axes open."""
    torch.manual_seed(0)
    module, given, axes = NETS[name]()
    module.eval()
    names = [f"x{k}" for k in range(len(given))]
    if exporter == "torchscript":
        told: Mapping[str, Axes] = dict(zip(names, axes, strict=True))
        torch.onnx.export(
            module, given, str(file), dynamo=False, input_names=names, dynamic_axes=told, opset_version=17
        )
    else:
        dynamic = tuple(dict.fromkeys(a, torch.export.Dim.DYNAMIC) for a in axes)
        torch.onnx.export(module, given, str(file), dynamo=True, dynamic_shapes=dynamic, verbose=False)


def runs(session: ort.InferenceSession, shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether a model runs with inputs of these shapes."""
    random = np.random.default_rng(0)
    try:
        session.run(None, {n: random.normal(size=s).astype(np.float32) for n, s in shapes.items()})
    except Exception:  # ONNX Runtime has a class for each kind of failure, and none above them
        return False
    return True


def cases(trial: Trial, session: ort.InferenceSession) -> Iterator[tuple[str, int, bool, bool]]:
    """For each symbol and size: whether it was predicted to fail, and whether it did."""
    for sweep in trial.sweeps:
        for size in SIZES:
            at = sweep.columns.start + size - 1
            shapes = {
                i.name: [
                    int(d) if isinstance(d, int) else int(_size(trial, d or "", sweep.symbol.key, size))
                    for d in i.shape
                ]
                for i in session.get_inputs()
            }
            yield sweep.symbol.label, size, not trial.works[at], not runs(session, shapes)


def _size(trial: Trial, key: str, swept: str, size: int) -> float:
    return size if key == swept else trial.base[key]


def wants(sizes: Mapping[str, Sequence[tuple[int, bool]]]) -> bool:
    """Whether a model that runs at these sizes (and fails at the others) deserves a finding."""
    for tried_at in sizes.values():
        works = [size for size, fails in tried_at if not fails]
        if works and any(fails and size > works[0] for size, fails in tried_at):
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--exporter", choices=("torchscript", "dynamo"), default="torchscript")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    ort.set_default_logger_severity(4)
    total: Counter[str] = Counter()
    for name in asked.names or NETS:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "net.onnx"
            try:
                exported(name, asked.exporter, file)
            except Exception as error:
                print(f"{name:36} not exported: {str(error).splitlines()[0][:80]}")
                continue
            total += judged(name, file, asked.verbose)
    for what in ("size", "finding"):
        hit, missed, false = (total[f"{what} {k}"] for k in ("hit", "missed", "false"))
        recall, precision = hit / max(1, hit + missed), hit / max(1, hit + false)
        print(f"{what}s: {hit} found, {missed} missed, {false} false: recall {recall:.4f}, precision {precision:.4f}")
    return 0


def judged(name: str, file: Path, verbose: bool) -> Counter[str]:
    """Compare predictions with what happens, and findings with what deserves one."""
    count: Counter[str] = Counter()
    trial = tried(read(file))
    findings = [
        f for f in reslint.check(file) if f.rule in RULES or f.rule in ("shortcut-broadcast", "shortcut-shape-mismatch")
    ]
    if trial is None:
        print(f"{name:36} no assignment found at which it works")
        count["finding missed"] += not name.startswith("sound")
        return count
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    wrong: list[str] = []
    seen: dict[str, list[tuple[int, bool]]] = {}
    for symbol, size, predicted, fails in cases(trial, session):
        seen.setdefault(symbol, []).append((size, fails))
        if predicted or fails:
            what = "hit" if predicted and fails else "false" if predicted else "missed"
            count[f"size {what}"] += 1
            if what != "hit":
                wrong.append(f"{symbol} {size} {what}")
    deserves = wants(seen) and not name.startswith("sound")
    what = "hit" if deserves and findings else "missed" if deserves else "false" if findings else "none"
    count[f"finding {what}"] += 1
    rules = ", ".join(f"{f.rule} at {f.tensor}" for f in findings) or "none"
    print(f"{name:36} {count['size hit']:4} fail as predicted, {len(wrong):3} not; finding {what}: {rules}")
    if verbose:
        print("".join(f"    {f.message}\n" for f in findings) + "".join(f"    {w}\n" for w in wrong[:12]), end="")
    return count


if __name__ == "__main__":
    sys.exit(main())
