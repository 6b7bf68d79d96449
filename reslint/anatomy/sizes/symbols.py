"""What may vary in a model: the symbols of its inputs, and their extents at given sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from reslint.anatomy.metrics.dims import Extents as At
from reslint.anatomy.sizes.extent import Column, Extent, Extents
from reslint.net import Dim, Net


class Symbol(NamedTuple):
    """A size that an input leaves open: its name, how messages call it, and the first place where it stands.

    An extent without a name is one symbol with all others that stand on the same axis, since nothing says that they differ.
    """

    key: str
    label: str
    input: str
    axis: int


def symbols_of(net: Net) -> tuple[Symbol, ...]:
    """The symbols of a net's inputs, in order; those that are given by others (`past + 1`) are none."""
    found: dict[str, Symbol] = {}
    for name, axis, dim in _open(net):
        key = _key(dim, axis)
        label = dim if dim else f"axis {axis} of {name}"
        found.setdefault(key, Symbol(key, label, name, axis))
    return tuple(s for s in found.values() if not _names(s.key) & found.keys() - {s.key})


def _open(net: Net) -> Iterator[tuple[str, int, str | None]]:
    for name in net.inputs:
        for axis, dim in enumerate(net.shape(name) or ()):
            if not isinstance(dim, int):
                yield name, axis, dim


def _key(dim: str | None, axis: int) -> str:
    return dim if dim else f"\0{axis}"


def _names(key: str) -> frozenset[str]:
    """The names in an expression, such as exporters write for the size of a cache."""
    if key.isidentifier():
        return frozenset()
    try:
        tree = ast.parse(key, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def shapes_of(net: Net, values: Mapping[str, Column]) -> tuple[Mapping[str, Extents], Mapping[str, Column]]:
    """The shapes of a net's inputs with values for its symbols, and the values of all that is declared, by key."""
    columns = dict(values)
    for _, axis, dim in _open(net):
        key = _key(dim, axis)
        if key not in columns:
            columns[key] = _evaluated(net, key, values)
    shapes = {
        name: tuple(_extent(dim, axis, columns) for axis, dim in enumerate(shape))
        for name in net.inputs
        if (shape := net.shape(name)) is not None
    }
    return shapes, columns


def _extent(dim: Dim, axis: int, columns: Mapping[str, Column]) -> Extent:
    return float(dim) if isinstance(dim, int) else columns[_key(dim, axis)]


def _evaluated(net: Net, expression: str, values: Mapping[str, Column]) -> Column:
    rows = zip(*values.values(), strict=True)
    return np.asarray(
        [At(net, {k: int(v) for k, v in zip(values, row, strict=True)}).extent(expression) for row in rows], np.float64
    )
