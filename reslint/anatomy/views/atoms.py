"""An axis is a row of atoms: parts of axes of a fork, which reshapes split and join and transposes move."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reslint.net import Dim


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of an axis of the fork: `size` elements, `stride` elements of that axis apart; `axis` is -1 for a new one.

    `turned` says that it runs backwards, `shift` by how many positions it was moved, and `held` how many of its positions hold
    anything, where the others are padding; 0 means all. The parts of
    an axis keep its marks until they are joined again.
    """

    axis: int
    size: Dim
    stride: int = 1
    turned: bool = False
    shift: int = 0
    held: int = 0


Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]
_Extent = tuple[int, tuple[str, ...]]


def origins(axis: Axis) -> frozenset[int]:
    """The axes of the fork that an axis is made of; -1 among them where a part is new."""
    return frozenset([atom.axis for atom in axis if atom.size != 1])


def origin(axis: Axis) -> int:
    """The one axis of the fork that an axis is made of, -1 where it is new or made of several."""
    found = origins(axis)
    return next(iter(found)) if len(found) == 1 else -1


def mixed(axis: Axis, size: Dim) -> Axis:
    """An axis whose elements a layer has mixed: still that axis, but no longer made of parts, and in no order."""
    return (Atom(origin(axis), size),)


def resized(axis: Axis, size: Dim) -> Axis:
    """An axis whose extent may have changed."""
    return axis if size_of(axis) == size else mixed(axis, size)


def size_of(axis: Axis) -> Dim:
    """The extent of an axis, None where it is not one number or one symbol."""
    if len(axis) == 1:
        return axis[0].size
    sizes = [a.size for a in axis]
    return math.prod(s for s in sizes if isinstance(s, int)) if all(isinstance(s, int) for s in sizes) else None


def reshaped(axes: Axes, shape: Sequence[Dim]) -> Axes | None:
    """The axes after a reshape to `shape`, None where the extents aren't known.

    Both lists of extents fall into groups that hold the same number of elements. Within a group atoms are split and joined
    where they divide; where they don't, each new axis holds a mixture of all of them.
    """
    atoms = _solved([a for axis in axes for a in axis if a.size != 1], shape)
    extents = [d for d in shape if d != 1]
    found: list[Axis] = []
    while extents:
        taken, wanted = _group(atoms, extents)
        if not taken:
            return None
        whole = _split(atoms[:taken], extents[:wanted])
        found += whole if whole is not None else _blurred(atoms[:taken], extents[:wanted])
        atoms, extents = atoms[taken:], extents[wanted:]
    filled = iter(found)
    return tuple([() if d == 1 else next(filled) for d in shape]) if not atoms else None


def _solved(atoms: list[Atom], shape: Sequence[Dim]) -> list[Atom]:
    """The atoms, and the extent of the only one that nobody knows from how many elements there must be."""
    whole, rest = (
        math.prod(d for d in shape if isinstance(d, int)),
        math.prod(a.size for a in atoms if isinstance(a.size, int)),
    )
    unknown = [at for at, a in enumerate(atoms) if not isinstance(a.size, int)]
    if len(unknown) != 1 or not rest or whole % rest or any(not isinstance(d, int) for d in shape):
        return atoms
    return [replace(a, size=whole // rest) if at == unknown[0] else a for at, a in enumerate(atoms)]


def _group(atoms: Sequence[Atom], extents: Sequence[Dim]) -> tuple[int, int]:
    """How many of the first atoms hold as much as how many of the first extents, the fewest; zeros where none do."""
    here = _products([a.size for a in atoms])
    there = _products(extents)
    known = {extent: at for at, extent in reversed(list(enumerate(there, 1)))}
    for at, extent in enumerate(here, 1):
        if extent in known:
            return at, known[extent]
    return 0, 0


def _products(sizes: Iterable[Dim]) -> list[_Extent]:
    """The products of the first one, two, ... extents: a number and the symbols; ends where one is unknown."""
    found: list[_Extent] = []
    number, symbols = 1, Counter[str]()
    for size in sizes:
        if size is None:
            break
        if isinstance(size, int):
            number *= size
        else:
            symbols[size] += 1
        found.append((number, tuple(sorted(symbols.elements()))))
    return found


def _split(atoms: Sequence[Atom], extents: Sequence[Dim]) -> list[Axis] | None:
    """Atoms dealt out to extents, None where they don't divide."""
    rest = list(atoms)
    found: list[Axis] = []
    for extent in extents:
        taken: list[Atom] = []
        left = extent
        while left != 1:
            atom = rest.pop(0) if rest else None
            if atom is None:
                return None
            if atom.size == left:
                taken.append(atom)
                break
            if not isinstance(atom.size, int) or not isinstance(left, int) or not atom.size or not left:
                return None
            if left % atom.size == 0:
                taken.append(atom)
                left //= atom.size
            elif atom.size % left == 0:
                inner = atom.size // left
                taken.append(replace(atom, size=left, stride=atom.stride * inner))
                rest.insert(0, replace(atom, size=inner))
                left = 1
            else:
                return None
        found.append(_joined(taken))
    return found


def _blurred(atoms: Sequence[Atom], extents: Sequence[Dim]) -> list[Axis]:
    """What a reshape across boundaries makes: each axis holds pieces of all."""
    pieces = tuple([Atom(axis, None) for axis in dict.fromkeys(a.axis for a in atoms)])
    return [pieces for _ in extents]


def _joined(atoms: Iterable[Atom]) -> Axis:
    """Neighbouring parts that make up a larger part again."""
    found: list[Atom] = []
    for atom in atoms:
        last = found[-1] if found else None
        if (
            last
            and replace(last, size=0, stride=0) == replace(atom, size=0, stride=0)
            and isinstance(atom.size, int)
            and isinstance(last.size, int)
            and last.stride == atom.size * atom.stride
        ):
            found[-1] = replace(atom, size=last.size * atom.size)
        else:
            found.append(atom)
    return tuple(found)
