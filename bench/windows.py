"""How far each walk of detection has to look: `python bench/windows.py [FOLDER ...]`.

For each window of reslint/anatomy/graph/windows.py, the least with which nothing changes that reslint says of the models of
the folders (fixtures/ where none is given), and whether something does at four times its size.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from reslint.anatomy import Anatomy, dissect
from reslint.anatomy.describe.block import scaled_behind
from reslint.anatomy.graph import windows
from reslint.anatomy.views.siblings import gaps
from reslint.anatomy.views.skeleton import skeleton
from reslint.errors import ReslintError
from reslint.net import Net, read

Said = tuple[object, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path(__file__).parent.parent / "fixtures"])
    nets = tuple(_read(parser.parse_args().folders))
    now = tuple(map(said, nets))
    print(f"{len(nets)} models")
    for name, value in vars(windows).items():
        if name.isupper():
            least = _least(name, value, nets, now)
            wide = _differing(name, 4 * value, nets, now)
            print(f"{name:12} is {value:4}  needs {least:4}  at four times that {len(wide)} models differ", flush=True)


def _read(folders: Sequence[Path]) -> Iterator[Net]:
    for path in sorted(p for folder in folders for p in folder.glob("*.onnx")):
        try:
            yield read(path)
        except ReslintError as wrong:
            print(f"{path}: {wrong}", file=sys.stderr)


def _least(name: str, value: int, nets: Sequence[Net], now: Sequence[Said]) -> int:
    """The least value with which nothing changes, found by halving."""
    enough, few = value, -1
    while enough - few > 1:
        middle = (enough + few) // 2
        enough, few = (enough, middle) if _differing(name, middle, nets, now, most=1) else (middle, few)
    return enough


def _differing(name: str, value: int, nets: Sequence[Net], now: Sequence[Said], most: int = sys.maxsize) -> list[int]:
    """The models of which something else is said with another value, `most` of them at most."""
    usual = getattr(windows, name)
    setattr(windows, name, value)
    found = []
    for at, (net, was) in enumerate(zip(nets, now, strict=True)):
        if len(found) < most and said(net) != was:
            found.append(at)
    setattr(windows, name, usual)
    return found


def said(net: Net) -> Said:
    """What reslint says of a net as far as windows matter."""
    anatomy = dissect(net)
    return (*_blocks(anatomy), *((m.op.id, m.role) for m in anatomy.merges), skeleton(anatomy), *_gaps(anatomy))


def _blocks(anatomy: Anatomy) -> Iterator[tuple[object, ...]]:
    for b in anatomy.blocks:
        gain = scaled_behind(b.net, b.merge.id)
        yield b.merge.id, b.kind, b.fork, b.normalization, b.gated_branch, b.stack, gain
    for stack in anatomy.stacks:
        yield (stack.period,)


def _gaps(anatomy: Anatomy) -> Iterator[tuple[str, str]]:
    return ((type(gap).__name__, gap.end.id) for gap in gaps(anatomy))


if __name__ == "__main__":
    main()
