"""Planted numeric faults: how many `reslint run` sees, how many at the right block, and what it says of sound models.

    python bench/planted.py [--seed 0] [--only KIND,...] [MODEL...]

Ten architectures of the fixtures get weights of their own; into one block, drawn by the seed, goes one fault of each kind.
A fault is seen where a rule of numerics says something that it does not say of the sound model, and at the right block where
that finding, or its list of blocks without a partner, names the block.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from reslint.anatomy import Anatomy, Block, Kind, dissect
from reslint.errors import RunFailed
from reslint.finding import Confidence, Finding
from reslint.lint import lint
from reslint.measure import worst
from reslint.net import read
from reslint.rules import ALL, Settings
from reslint.runtime import Wanted, measured
from reslint.runtime.model.runnable import runnable

FIXTURES = Path(__file__).parents[1] / "fixtures"
MODELS = (
    *("bert_small", "convnext_tiny", "gnn", "llama", "mamba"),
    *("mobilenet_v2", "resnet18", "t5", "unet", "vit_b_16"),
)
_FRESH, _TRAINED = 1e-5, 0.1  # a fresh LayerScale hides whatever its branch does
NUMERICS = tuple(rule for rule in ALL if rule.family == "numerics")
Plant = Callable[["Planting"], None]


@dataclass
class Planting:
    """A model that a fault goes into, and the block that gets it."""

    model: ModelProto
    block: Block
    random: np.random.Generator
    made: list[NodeProto] = field(default_factory=list)
    """The ops that were put in."""

    def weight(self, name: str, value: float) -> str:
        """A further number in the model."""
        self.model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
        return name

    def behind_branch(self, op: str, *more: str) -> str:
        """Put an op between the branch and its merge."""
        branch = self.block.sides[1]
        made = f"planted.{len(self.made)}"
        merge = next(node for node in self.model.graph.node if self.block.merge.id in node.output)
        read_ = next(name for name in merge.input if name == (self.made[-1].output[0] if self.made else branch))
        self.made.append(helper.make_node(op, [read_, *more], [made], f"planted_{len(self.made)}"))
        merge.input[:] = [made if name == read_ else name for name in merge.input]
        at = list(self.model.graph.node).index(merge)
        self.model.graph.node.insert(at, self.made[-1])
        return made


def scaled(p: Planting) -> None:
    """The branch is a quarter too large."""
    p.behind_branch("Mul", p.weight("by", 1.25))


def coarse(p: Planting) -> None:
    """All weights are rounded to eight bits, and the scale of the block's is a quarter too large."""
    rounded(p)
    p.behind_branch("Mul", p.weight("by", 1.25))


def rounded(p: Planting) -> None:
    """All weights are rounded to eight bits; nothing is wrong with that."""
    for tensor in p.model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim > 1 and values.dtype == np.float32:
            step = max(float(np.abs(values).max()) / 127, 1e-12)
            tensor.CopyFrom(numpy_helper.from_array((np.round(values / step) * step).astype(np.float32), tensor.name))


def dropped(p: Planting) -> None:
    """The shortcut is not added."""
    merge = next(node for node in p.model.graph.node if p.block.merge.id in node.output)
    merge.op_type, merge.input[:] = "Identity", [p.block.sides[1]]


def poisoned(p: Planting) -> None:
    """One number of a weight is NaN."""
    names = {name for op in p.block.branch for name in op.inputs}
    held = [
        t for t in p.model.graph.initializer if t.name in names and t.data_type == TensorProto.FLOAT and len(t.dims) > 1
    ]
    tensor = held[int(p.random.integers(len(held)))]
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[int(p.random.integers(values.size))] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def overflowing(p: Planting) -> None:
    """The branch is beyond what half precision can hold."""
    p.behind_branch("Mul", p.weight("by", 1e6))


def idle(p: Planting) -> None:
    """The branch adds next to nothing."""
    p.behind_branch("Mul", p.weight("by", 1e-6))


def constant(p: Planting) -> None:
    """The branch gives the same whatever goes in."""
    p.behind_branch("Mul", p.weight("none", 0.0))
    p.behind_branch("Add", p.weight("one", 1.0))


def random(p: Planting) -> None:
    """The branch is noisy, as where dropout was exported in training mode."""
    branch = p.block.sides[1]
    noise = helper.make_node("RandomNormalLike", [branch], ["planted.noise"], scale=0.1)
    at = next(k for k, node in enumerate(p.model.graph.node) if p.block.merge.id in node.output)
    p.model.graph.node.insert(at, noise)
    p.behind_branch("Add", "planted.noise")


FAULTS: Mapping[str, tuple[Plant, frozenset[str], Mapping[str, object]]] = {
    "scaled": (scaled, frozenset({"reference-mismatch", "block-error"}), {"against": True}),
    "coarse": (coarse, frozenset({"block-error", "reference-mismatch"}), {"against": True}),
    "dropped": (dropped, frozenset({"reference-mismatch", "block-error"}), {"against": True}),
    "poisoned": (poisoned, frozenset({"nonfinite-values"}), {}),
    "overflowing": (overflowing, frozenset({"half-overflow"}), {"precision": "float16"}),
    "idle": (idle, frozenset({"idle-branch"}), {}),
    "constant": (constant, frozenset({"idle-branch"}), {}),
    "random": (random, frozenset({"nondeterministic-output"}), {}),
}
SOUND: Mapping[str, tuple[Plant, frozenset[str], Mapping[str, object]]] = {
    "itself": (
        lambda p: None,
        frozenset(rule.name for rule in NUMERICS) - {"signal-growth", "signal-decay"},
        {"against": True},
    ),
    "rounded": (rounded, frozenset({"block-error", "nonfinite-values", "idle-branch"}), {"against": True}),
}


def filled(name: str, folder: Path) -> Path:
    """A model of the fixtures with made-up weights in it."""
    source = FIXTURES / f"{name}.onnx"
    weights = runnable(read(source), 0).weights
    made = onnx.load(source, load_external_data=False)
    for tensor in made.graph.initializer:
        held = None if tensor.external_data else numpy_helper.to_array(tensor)
        values = weights.get(tensor.name, held)
        if values is None:
            continue
        fresh = values.dtype == np.float32 and values.size > 1 and 0 < float(np.abs(values).max()) < _FRESH
        if fresh or tensor.name in weights:
            values = np.full_like(values, _TRAINED) if fresh else np.ascontiguousarray(values)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(made, folder / f"{name}.onnx")
    return folder / f"{name}.onnx"


def findings(path: Path, wanted: Wanted) -> Sequence[Finding]:
    """What the rules of numerics say of a run; an output that is not finite may be all that can be told."""
    anatomy = dissect(read(path))
    found = measured(anatomy, wanted)
    judged = lint(anatomy, NUMERICS, Settings(), str(path), Confidence.LIKELY, tuple(worst(found.subjects)))
    return tuple(one for one in judged if isinstance(one, Finding))


def sound(path: Path) -> Sequence[Finding]:
    """What is said of the model without a fault, in half precision, too, where the CPU has kernels for it."""
    try:
        return findings(path, Wanted(precision="float16"))
    except RunFailed:
        return findings(path, Wanted())


def target(anatomy: Anatomy, draw: np.random.Generator) -> Block:
    """A block of the graph whose merge is a plain sum."""
    fit = [b for b in anatomy.blocks if b.net is anatomy.net and b.merge.type == "Add" and b.kind is not Kind.DENSE]
    return fit[int(draw.integers(len(fit)))]


def names(finding: Finding, block: Block) -> bool:
    """Whether a finding is at the block: at its merge, at an op of its branch, or the block is one that has no partner."""
    lost = finding.evidence.get("lost")
    inside = {output for op in (block.merge, *block.branch) for output in op.outputs}
    inside |= {f"planted.{at}" for at in range(4)}
    return finding.tensor in inside or isinstance(lost, list) and block.merge.id in lost


def cases(path: Path, seed: int, only: Sequence[str]) -> Iterator[tuple[str, bool, bool, str]]:
    """Of each kind whether it was seen, whether at the right block, and what was said."""
    anatomy = dissect(read(path))
    known = {(f.rule, f.tensor) for f in sound(path)}
    for at, (kind, (plant, rules, more)) in enumerate({**FAULTS, **SOUND}.items()):
        if only and kind not in only:
            continue
        draw = np.random.default_rng([seed, at, zlib.crc32(path.stem.encode())])
        block = target(anatomy, draw)
        planting = Planting(onnx.load(path), block, draw)
        plant(planting)
        file = path.with_name(f"{path.stem}-{kind}.onnx")
        onnx.save(planting.model, file)
        options = {k: v for k, v in more.items() if k != "against"}
        wanted = Wanted(against=path if more.get("against") else None, **options)  # type: ignore[arg-type]
        try:
            found = [f for f in findings(file, wanted) if f.rule in rules and (f.rule, f.tensor) not in known]
        except RunFailed as error:
            yield kind, False, False, f"fails: {error}"
            continue
        finally:
            file.unlink()
        right = any(names(f, block) for f in found)
        yield (
            kind,
            bool(found),
            right,
            "; ".join(f"{f.rule} at {f.tensor}" for f in found[:3]) + f" (block {block.merge.id})",
        )


def main() -> None:
    """Print a line for each case, and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    seen = right = faults = quiet = intact = 0
    with TemporaryDirectory(prefix="reslint-planted-") as folder:
        for name in options.models:
            path = filled(name, Path(folder))
            for kind, found, at_block, says in cases(path, options.seed, [k for k in options.only.split(",") if k]):
                print(
                    f"{name:<16} {kind:<12} {'seen' if found else '-':<5} {'right' if at_block else '-':<6} {says}",
                    flush=True,
                )
                if kind in FAULTS:
                    faults, seen, right = faults + 1, seen + found, right + at_block
                else:
                    intact, quiet = intact + 1, quiet + (not found)
            path.unlink()
    print(
        f"{seen} of {faults} seen ({seen / max(faults, 1):.2f}), {right} at the right block ({right / max(faults, 1):.2f}); "
        f"{quiet} of {intact} sound ones silent"
    )


if __name__ == "__main__":
    main()
