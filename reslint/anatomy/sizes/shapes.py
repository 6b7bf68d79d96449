"""A net and its trial in, the same net with the shapes that inference left open out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reslint.anatomy.sizes.extent import Column, Extents
from reslint.anatomy.sizes.trial import Trial
from reslint.anatomy.sizes.walk import Walk
from reslint.net import Dim, Net, Value

_INVENTED = "unk__"  # what inference calls a dimension that has no name


class _Values(dict[str, Value]):
    """The shapes that were worked out, and those of a net for all other tensors."""

    def __init__(self, found: Mapping[str, Value], net: Net) -> None:
        super().__init__(found)
        self._net = net

    def __missing__(self, name: str) -> Value:
        return self._net.value(name)


def sized(net: Net, trial: Trial | None) -> Net:
    """The net with all shapes that a walk through it tells; the net itself where inference knows them all.

    An extent that is made of several symbols gets a name that inference could have invented, the same for the same formula.
    """
    open_ones = [op.id for op in net.ops if _is_open(net.shape(op.id))]
    if not open_ones:
        return net
    walk = trial.walk if trial is not None and trial.net is net else _still(net)
    if walk is None:
        return net
    names: dict[int, Dim] = {}
    found = {}
    for name in open_ones:
        extents = walk.tensor(net, name).extents
        if extents is not None:
            value = net.value(name)
            found[name] = replace(value, shape=_shape(walk, extents, value.shape, names))
    return replace(net, values=_Values(found, net))


def _is_open(shape: tuple[Dim, ...] | None) -> bool:
    return shape is None or any(d is None or isinstance(d, str) and d.startswith(_INVENTED) for d in shape)


def _still(net: Net) -> Walk | None:
    """A walk through a net whose inputs leave no size open."""
    shapes = {name: net.shape(name) for name in net.inputs}
    if any(s is None or any(not isinstance(d, int) for d in s) for s in shapes.values()):
        return None
    walk = Walk(net, {}, 1)
    walk.run(net, {n: tuple(float(d) for d in s or () if isinstance(d, int)) for n, s in shapes.items()})
    return walk


def _shape(walk: Walk, extents: Extents, told: tuple[Dim, ...] | None, names: dict[int, Dim]) -> tuple[Dim, ...]:
    before = told if told is not None and len(told) == len(extents) else (None,) * len(extents)
    made: list[Dim] = []
    for extent, known in zip(extents, before, strict=True):
        if not _is_open((known,)):
            made.append(known)
        elif isinstance(extent, float):
            made.append(int(extent) if extent == extent else known)
        else:
            if id(extent) not in names:
                names[id(extent)] = _name(walk, extent, len(names))
            made.append(names[id(extent)])
    return tuple(made)


def _name(walk: Walk, extent: Column, number: int) -> Dim:
    """The symbol whose extent this is, or an invented name."""
    for key, column in walk.symbols.items():
        if np.array_equal(column, extent):
            return key if not key.startswith("\0") else f"{_INVENTED}axis{key[1:]}"
    return f"{_INVENTED}{number}"
